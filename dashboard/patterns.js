// The patterns page: what a supervisor asks of weeks and months, answered at a look.

import { params, show } from './address.js';
import { get } from './api.js';
import { areasPanel, occupancyPanel } from './area-chart.js';
import { openDay } from './attendance-day.js';
import { axis, chartPanel, disposeCharts, redrawCharts, tooltip } from './charts.js';
import { t } from './i18n.js';
import { peoplePicker, pickedFrom, pickedParams } from './people-picker.js';
import { isPeriod, periodFrom, periodPicker } from './period.js';
import { on, seesPeople, store } from './store.js';
import { table } from './table.js';
import { addDays, countDays, dayName, hours, today, weekdayNames } from './time.js';
import { areaColours, timelinePanel } from './timeline-chart.js';
import { byId, emptyState, filler, h, icon, oncePerFrame } from './utils.js';

/** Days of one person that are drawn as lines; of more, the last. */
const MAX_DAYS_OF_ONE = 62;
const STATUSES = [['present', 'available'], ['half_day', 'off'], ['on_leave', 'exempt'], ['excused', 'exempt'], ['unknown', 'unknown'], ['absent', 'absent']];

let view = null;
let asked = null;
/** More lines than this the server does not draw. */
const MAX_LINES = 1000;

export function startPatterns() {
  view = byId('view-patterns');
  const render = oncePerFrame(() => {
    if (!view.hidden) open();
  });
  on('me', render);
  on('view', () => {
    // Whoever comes back wants the figures of now.
    if (view.hidden) asked = null;
    render();
  });
  // Nothing of it stays for whoever logs in next.
  on('left', () => {
    asked = null;
    disposeCharts();
  });
  on('employees', () => {
    if (!view.hidden && asked === null) render();
  });
  document.addEventListener('hadir:language', () => {
    asked = null;
    render();
  });
  document.addEventListener('hadir:theme', redrawCharts);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redrawCharts);
}

const wanted = () => {
  const address = params();
  return { ...periodFrom(address, 'days30'), picked: pickedFrom(address), day: address.get('day') };
};

function open() {
  if (!store.loaded.has('employees')) return;
  const { from, to, picked, day } = wanted();
  const key = JSON.stringify([from, to, picked, day, store.me.username]);
  if (key === asked) return;
  asked = key;
  const change = (values) => show('patterns', { from, to, ...pickedParams(picked), ...values });
  const body = h('div', { class: 'stack', id: 'patterns-body' });
  const lines = h('div', { class: 'stack', id: 'patterns-lines' });
  view.replaceChildren(
    h('div', { class: 'page-head' }, h('h1', {}, t('nav.patterns'))),
    h('div', { class: 'controls' },
      periodPicker({ from, to }, ['week', 'month', 'lastMonth', 'days30', 'days90'], (a, b) => change({ from: a, to: b })),
      peoplePicker(picked, (next) => show('patterns', { from, to, ...pickedParams(next) }))),
    lines, body);
  const query = new URLSearchParams({ from, to, ...pickedParams(picked) });
  filler(body)(async () => charts(await get(`/api/patterns?${query}`), picked, change));
  filler(lines)(() => timeline({ from, to, picked, day }, change));
  disposeCharts();
}

/** Of one person their days; of several everybody's one day, and the way to the days beside it. */
async function timeline({ from, to, picked, day }, change) {
  if (picked.kind === 'employee') {
    const first = countDays(from, to) > MAX_DAYS_OF_ONE ? addDays(to, 1 - MAX_DAYS_OF_ONE) : from;
    const { rows } = await get(`/api/timeline?${new URLSearchParams({ from: first, to, ...pickedParams(picked) })}`);
    return rows.length === 0 ? nothing() : [timelinePanel([...rows].reverse(), true, openRow), legend(), areasPanel(rows, true)].filter(Boolean);
  }
  const shown = day && isPeriod(day, day) ? day : to > today() ? today() : to;
  const step = (days, symbol, label) => h('button', { class: 'icon-button', type: 'button', 'aria-label': t(label), title: t(label), data: { step: String(days) },
    onclick: () => change({ day: addDays(shown, days) }) }, icon(symbol));
  const head = h('div', { class: 'day-steps' }, step(-1, 'chevron-left', 'patterns.dayBefore'), h('strong', { id: 'patterns-day' }, dayName(shown)), step(1, 'chevron-right', 'patterns.dayAfter'));
  if (picked.kind === '' && store.employees.length > MAX_LINES) return [head, h('div', { class: 'panel' }, emptyState('users', t('patterns.linesTooMany'), t('patterns.linesTooMany.how'))), occupancy(shown, picked)].filter(Boolean);
  const { rows } = await get(`/api/timeline?${new URLSearchParams({ from: shown, to: shown, ...pickedParams(picked) })}`);
  return [head, ...(rows.length === 0 ? [nothing()] : [timelinePanel(rows, false, openRow), legend(), areasPanel(rows, false)]), occupancy(shown, picked)].filter(Boolean);
}

/** How many people the cameras counted on a day: of the whole site, so not where a team is asked for. */
function occupancy(day, picked) {
  if (picked.kind !== '' || !seesPeople()) return null;
  const box = h('div', { class: 'stack' });
  filler(box)(async () => [occupancyPanel(await get(`/api/occupancy?${new URLSearchParams({ from: day, to: day })}`))].filter(Boolean));
  return box;
}

const openRow = (row) => row && openDay(row.employee, row.date, () => {
  asked = null;
  open();
});
const nothing = () => h('div', { class: 'panel' }, emptyState('chart-column', t('reports.empty'), t('reports.empty.how')));

function legend() {
  const colourOf = areaColours();
  const patch = (text, className, colour = null) => {
    const box = h('span', { class: `patch ${className}` });
    if (colour) box.style.backgroundColor = colour;
    return h('li', {}, box, text);
  };
  return h('ul', { class: 'legend', 'aria-label': t('patterns.legend') }, store.areas.map((area) => patch(area.name, 'patch-seen', colourOf(area.id))),
    patch(t('column.planned_s'), 'patch-planned'), patch(t('column.leave_s'), 'patch-leave'), patch(t('column.unobserved_s'), 'patch-unobserved'));
}

function charts(data, picked, change) {
  if (data.days.length === 0) return nothing();
  const several = data.members.length > 1;
  return [
    gist(data),
    h('div', { class: 'charts' },
      byHour(data),
      several && membersByHour(data, change),
      punctuality(data),
      data.away.length > 0 && away(data),
      days(data)),
    several && members(data, change),
    data.people > 1 && data.members.length === 0 && h('p', { class: 'muted' }, t('patterns.tooMany', { n: data.people })),
  ].filter(Boolean);
}

/** What stands out, in sentences. */
function gist({ members: all }) {
  const lines = [];
  const top = (value) => [...all].filter((one) => value(one) > 0).sort((a, b) => value(b) - value(a)).slice(0, 3);
  const names = (people, word) => people.map((one) => `${one.name} (${word(one)})`).join(', ');
  const late = top((one) => one.late);
  if (late.length > 0) lines.push(t('patterns.gist.late', { who: names(late, (one) => t('patterns.times', { n: one.late })) }));
  const gone = top((one) => one.away_s);
  if (gone.length > 0) lines.push(t('patterns.gist.away', { who: names(gone, (one) => hours(one.away_s)) }));
  // "Who is often gone after lunch?": there in the morning and clearly less in the hours behind the break.
  const mean = (one, from, to) => one.presence.slice(from, to).reduce((sum, value) => sum + value, 0) / (to - from);
  const lunch = all.map((one) => ({ one, before: mean(one, 9, 12), behind: mean(one, 13, 16) }))
    .filter(({ before, behind }) => before >= 20 && behind < before * 0.75).sort((a, b) => a.behind / a.before - b.behind / b.before).slice(0, 3);
  if (lunch.length > 0) {
    lines.push(t('patterns.gist.lunch', { who: lunch.map(({ one, before, behind }) => `${one.name} (${t('patterns.perHour', { before: Math.round(before), behind: Math.round(behind) })})`).join(', ') }));
  }
  return h('ul', { class: 'panel gist-list' }, (lines.length > 0 ? lines : [t('patterns.gist.none')]).map((line) => h('li', {}, line)));
}

const HOURS = [...Array(24).keys()];
const hourName = (hour) => String(hour).padStart(2, '0');

/** The hours in which anybody is there, with one on each side. */
function shownHours(rows) {
  const used = HOURS.filter((hour) => rows.some((row) => row[hour] > 0));
  if (used.length === 0) return HOURS.slice(7, 18);
  return HOURS.slice(Math.max(0, used[0] - 1), Math.min(24, used.at(-1) + 2));
}

function heatMap({ key, title, how, summary, names, rows, onclick }) {
  const columns = shownHours(rows);
  const cells = rows.flatMap((row, y) => columns.map((hour, x) => [x, y, row[hour]]));
  return chartPanel({
    key, title, how, summary, onclick, height: Math.max(200, rows.length * 22 + 80),
    table: { columns: ['', ...columns.map(hourName)], rows: rows.map((row, y) => [names[y], ...columns.map((hour) => String(Math.round(row[hour])))]) },
    option: (colours) => ({
      grid: { left: 8, right: 8, top: 8, bottom: 48, containLabel: true },
      tooltip: tooltip(colours, ({ value }) => `${names[value[1]]} ${hourName(columns[value[0]])}:00\n${t('patterns.minutes', { n: Math.round(value[2]) })}`),
      xAxis: { type: 'category', data: columns.map(hourName), ...axis(colours), splitArea: { show: false } },
      yAxis: { type: 'category', data: names, inverse: true, ...axis(colours), axisLabel: { color: colours.text, fontSize: 11, width: 130, overflow: 'truncate', interval: 0 } },
      visualMap: { min: 0, max: 60, calculable: false, orient: 'horizontal', left: 'center', bottom: 0, itemHeight: 100, itemWidth: 10, text: ['60', '0'], textStyle: { color: colours.muted },
        inRange: { color: [colours.raised, colours.available] } },
      series: [{ type: 'heatmap', data: cells, itemStyle: { borderColor: colours.surface, borderWidth: 1 } }],
    }),
  });
}

function byHour({ presence, people }) {
  const names = weekdayNames();
  return heatMap({ key: 'hours', title: t('patterns.hours'), how: t(people > 1 ? 'patterns.hours.how' : 'patterns.hours.how.one'),
    summary: t('patterns.hours.summary'), names, rows: presence });
}

function membersByHour({ members: all }, change) {
  return heatMap({ key: 'members', title: t('patterns.members'), how: t('patterns.members.how'), summary: t('patterns.members.summary'),
    names: all.map((one) => one.name), rows: all.map((one) => one.presence),
    onclick: ({ value }) => value && change({ employee: all[value[1]].employee, team: null, below: null, day: null }) });
}

function bars({ key, title, how, summary, names, series, unit, height, onclick }) {
  return chartPanel({
    key, title, how, summary, height, onclick,
    table: { columns: ['', ...series.map((one) => one.name)], rows: names.map((name, index) => [name, ...series.map((one) => unit(one.data[index]))]) },
    option: (colours) => ({
      grid: { left: 8, right: 8, top: 36, bottom: 8, containLabel: true },
      legend: { top: 0, left: 0, textStyle: { color: colours.text }, itemWidth: 12, itemHeight: 12 },
      tooltip: { ...tooltip(colours, (points) => [points[0].name, ...points.filter(({ value }) => value).map(({ seriesName, value }) => `${seriesName}: ${unit(value)}`)].join('\n')), trigger: 'axis', axisPointer: { type: 'shadow' } },
      xAxis: { type: 'category', data: names, ...axis(colours) },
      yAxis: { type: 'value', minInterval: 1, ...axis(colours) },
      series: series.map((one) => ({ type: 'bar', stack: 'all', name: one.name, data: one.data, itemStyle: { color: colours[one.colour], ...(one.dim ? { opacity: 0.55 } : {}) } })),
    }),
  });
}

function punctuality({ punctuality: rows }) {
  const number = (key) => rows.map((row) => row[key]);
  const sum = (key) => number(key).reduce((a, b) => a + b, 0);
  return bars({ key: 'punctuality', title: t('patterns.punctuality'), how: t('patterns.punctuality.how'), unit: String, names: weekdayNames(),
    summary: t('patterns.punctuality.summary', { inTime: sum('in_time'), late: sum('late'), absent: sum('absent') }),
    series: [{ name: t('patterns.inTime'), data: number('in_time'), colour: 'available' }, { name: t('column.late_s'), data: number('late'), colour: 'off' },
      { name: t('attendance.absent'), data: number('absent'), colour: 'absent' }] });
}

function away({ away: rows }) {
  const shown = rows.slice(0, 12);
  return chartPanel({
    key: 'away', title: t('patterns.away'), how: t('patterns.away.how'), height: Math.max(140, shown.length * 30 + 50),
    summary: t('patterns.away.summary', { name: shown[0].name, hours: hours(shown[0].away_s) }),
    table: { columns: [t('tracking.area'), t('column.away_s')], rows: rows.map((row) => [row.name, hours(row.away_s)]) },
    option: (colours) => ({
      grid: { left: 8, right: 56, top: 8, bottom: 8, containLabel: true },
      tooltip: tooltip(colours, ({ name, value }) => `${name}: ${hours(value)}`),
      xAxis: { type: 'value', ...axis(colours), axisLabel: { ...axis(colours).axisLabel, formatter: (value) => hours(value) } },
      yAxis: { type: 'category', inverse: true, data: shown.map((row) => row.name), ...axis(colours), axisLabel: { color: colours.text, fontSize: 11, width: 130, overflow: 'truncate' } },
      series: [{ type: 'bar', data: shown.map((row) => row.away_s), itemStyle: { color: colours.off }, barMaxWidth: 18, label: { show: true, position: 'right', color: colours.text, formatter: ({ value }) => hours(value) } }],
    }),
  });
}

function days({ days: rows }) {
  return bars({ key: 'days', title: t('patterns.days'), how: null, unit: (value) => String(value ?? 0), names: rows.map((row) => dayName(row.date, { day: 'numeric', month: 'short' })),
    summary: t('patterns.days.summary', { n: rows.length }),
    series: STATUSES.map(([status, colour]) => ({ name: t(`attendance.${status}`), colour, dim: status === 'excused', data: rows.map((row) => row.statuses[status] ?? 0) }))
      .filter((one) => one.data.some((value) => value > 0)) });
}

function members({ members: all }, change) {
  return h('section', { class: 'team' }, h('h2', {}, t('patterns.each')), table([
    { label: t('column.name'), cell: (one) => one.name },
    { label: t('column.workdays'), number: true, cell: (one) => String(one.workdays) },
    { label: t('patterns.inTime'), number: true, cell: (one) => String(one.in_time) },
    { label: t('column.late'), number: true, cell: (one) => String(one.late) },
    { label: t('column.late_s'), number: true, cell: (one) => hours(one.late_s) },
    { label: t('attendance.absent'), number: true, cell: (one) => String(one.absent) },
    { label: t('column.away_s'), number: true, cell: (one) => hours(one.away_s) },
  ], [...all].sort((a, b) => b.away_s + b.late_s - a.away_s - a.late_s), { caption: t('patterns.each'),
    open: (one) => change({ employee: one.employee, team: null, below: null, day: null }) }));
}
