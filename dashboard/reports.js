// The reports page: attendance of one day, live if it is today, or of several days, as tables and as files.

import { params, show } from './address.js';
import { get } from './api.js';
import { openDay } from './attendance-day.js';
import { badCell, isNotable, longCell, momentCell, notes, statusCell } from './attendance-words.js';
import { currentLanguage, t } from './i18n.js';
import { peoplePicker, pickedFrom, pickedName, pickedParams } from './people-picker.js';
import { periodFrom, periodPicker } from './period.js';
import { changesEmployees, on, store } from './store.js';
import { clockTime, dayName, hours, today } from './time.js';
import { byId, emptyState, h, icon, oncePerFrame, sentence, setText, throttle } from './utils.js';
import { table } from './table.js';

/** Today's figures are read again this long after something happened, and at least this often. */
const LIVE_MS = 5000;
const AGAIN_MS = 60_000;
const FORMATS = ['csv', 'xlsx', 'pdf'];
const ONLY = ['all', 'notable', 'absent', 'late', 'corrected'];

let view = null;
let asked = null;
/** The period and the people that the page was made for. */
let framed = null;
let report = null;
let differences = [];
let failure = null;
let search = '';
let only = 'all';
let asking = 0;

const wanted = () => {
  const address = params();
  return { ...periodFrom(address, 'today'), picked: pickedFrom(address) };
};
const addressFor = ({ from, to, picked }) => new URLSearchParams({ from, to, ...pickedParams(picked) });

export function startReports() {
  view = byId('view-reports');
  const render = oncePerFrame(() => {
    if (!view.hidden) open();
  });
  on('me', render);
  on('view', () => {
    // Whoever comes back wants the figures of now.
    if (!view.hidden && report !== null) read();
    render();
  });
  // Nothing of it stays for whoever logs in next.
  on('left', () => { [asked, report, failure, differences, search, only] = [null, null, null, [], '', 'all']; });
  on('employees', () => {
    if (!view.hidden && report === null) render();
  });
  document.addEventListener('hadir:language', () => {
    asked = null;
    render();
  });
  const refresh = throttle(LIVE_MS, () => {
    if (view.hidden || document.hidden || !report || !store.me) return;
    // At midnight "today" is another day.
    if (addressFor(wanted()).toString() !== asked) open();
    else if (report.to === today()) read();
  });
  on('status', refresh);
  setInterval(refresh, AGAIN_MS);
  on('connected', () => {
    if (!view.hidden && asked !== null) read();
  });
}

/** The page for what the address says; asked for anew when that changes. */
function open() {
  if (!store.loaded.has('employees')) return;
  const now = wanted();
  const key = addressFor(now).toString();
  if (key === asked && view.childElementCount > 0) return;
  asked = key;
  report = null;
  failure = null;
  renderFrame(now);
  read();
}

async function read() {
  const number = asking += 1;
  // What is on the page, whatever the address says by now.
  const { from, to, picked } = framed;
  const several = from !== to && picked.kind !== 'employee';
  const query = addressFor({ from, to, picked });
  if (several) query.set('days', 'false');
  try {
    const [answer, late] = await Promise.all([get(`/api/reports/range?${query}`),
      changesEmployees() ? get('/api/attendance/differences') : []]);
    if (number !== asking) return;
    report = answer;
    differences = late;
    failure = null;
  } catch (error) {
    if (number !== asking) return;
    failure = error;
  }
  if (store.me && view.childElementCount > 0) renderBody();
}

function renderFrame({ from, to, picked }) {
  framed = { from, to, picked };
  const change = (values) => show('reports', { from, to, ...pickedParams(picked), ...values });
  const file = (format) => {
    const query = addressFor({ from, to, picked });
    query.set('format', format);
    query.set('language', currentLanguage());
    return h('a', { class: 'button small', href: `/api/reports/range?${query}`, download: '', data: { format },
      'aria-label': t('reports.download', { format: format.toUpperCase() }), title: t('reports.download', { format: format.toUpperCase() }) },
    icon('download'), format.toUpperCase());
  };
  view.replaceChildren(
    h('div', { class: 'page-head' }, h('h1', {}, t('reports.title')), h('span', { id: 'reports-state', class: 'muted', role: 'status' }),
      h('div', { class: 'page-acts' }, FORMATS.map(file),
        h('button', { class: 'button small', type: 'button', data: { act: 'print' }, onclick: () => print() }, icon('printer'), t('reports.print')))),
    h('p', { class: 'print-only' }, `${store.me.site.name} · ${from === to ? dayName(from) : `${dayName(from)} – ${dayName(to)}`} · ${pickedName(picked)}`),
    h('p', { class: 'print-only', id: 'reports-chosen' }),
    h('div', { class: 'controls' },
      periodPicker({ from, to }, ['today', 'yesterday', 'week', 'month', 'lastMonth'], (a, b) => change({ from: a, to: b })),
      peoplePicker(picked, (next) => show('reports', { from, to, ...pickedParams(next) }))),
    h('div', { id: 'reports-differences' }),
    h('div', { id: 'reports-totals', class: 'totals', role: 'group', 'aria-label': t('reports.total') }),
    h('div', { class: 'controls', id: 'reports-filter' },
      h('label', { class: 'search' }, icon('search'), h('input', { id: 'reports-search', type: 'search', value: search,
        placeholder: t('reports.search'), 'aria-label': t('reports.search'), oninput: (event) => {
          search = event.target.value.trim().toLocaleLowerCase();
          renderTables();
        } })),
      h('label', { class: 'inline-field' }, h('span', {}, t('reports.only')), h('select', { id: 'reports-only', onchange: (event) => {
        only = event.target.value;
        renderTables();
      } }, ONLY.map((one) => h('option', { value: one, selected: one === only }, t(`reports.only.${one}`)))))),
    h('div', { id: 'reports-tables', class: 'stack', 'aria-busy': 'true' }));
}

function renderBody() {
  if (failure) {
    byId('reports-tables').replaceChildren(h('p', { class: 'error-line', role: 'alert' }, sentence(failure)),
      h('button', { class: 'button', type: 'button', onclick: read }, t('help.retry')));
    byId('reports-tables').removeAttribute('aria-busy');
    return;
  }
  const { totals } = report;
  const live = report.to === today();
  const open = totals.provisional > 0 ? t('reports.provisional', { n: totals.provisional, of: totals.days })
    : totals.days > 0 ? t('reports.final') : '';
  setText(byId('reports-state'), [live && t('reports.live', { time: clockTime(Date.parse(report.made_at)) }), open].filter(Boolean).join(' · '));
  const tile = (label, value, key) => h('div', { class: 'total', data: { key } }, h('b', { class: 'figures' }, value), h('span', {}, label));
  byId('reports-totals').replaceChildren(
    tile(t('reports.people'), String(report.people.length), 'people'),
    ...['present', 'half_day', 'absent'].map((key) => tile(t(`attendance.${key}`), String(totals[key]), key)),
    tile(t('column.leave_s'), String(totals.on_leave + totals.excused), 'leave'),
    tile(t('attendance.unknown'), String(totals.unknown), 'unknown'),
    tile(t('column.late'), String(totals.late), 'late'),
    ...['worked_s', 'away_s', 'overtime_s'].map((key) => tile(t(`column.${key}`), hours(totals[key]), key)));
  renderDifferences();
  renderTables();
}

function renderDifferences() {
  const box = byId('reports-differences');
  if (differences.length === 0) return box.replaceChildren();
  box.replaceChildren(h('section', { class: 'panel notice-box' }, h('h2', {}, icon('flag'), `${t('reports.differences')} (${differences.length})`),
    h('p', { class: 'muted' }, t('reports.differences.how')),
    h('ul', { class: 'plain' }, differences.slice(0, 20).map((row) => h('li', {}, h('button', { class: 'link', type: 'button',
      onclick: () => openDay(row.employee, row.date, read) }, `${row.name}, ${dayName(row.date)}`), ' ',
    h('span', { class: 'muted figures' }, t('reports.differences.row', { is: hours(row.is.worked_s), wouldBe: hours(row.would_be.worked_s) })))))));
}

const matches = (person) => `${person.name} ${person.employee}`.toLocaleLowerCase().includes(search);

const CHOICE = {
  all: () => true,
  notable: isNotable,
  absent: (row) => row.status === 'absent',
  late: (row) => row.late_s > 0,
  corrected: (row) => row.state === 'corrected',
};
/** The same of somebody's days together. */
const CHOICE_OF_MANY = {
  all: () => true,
  notable: ({ totals }) => totals.absent + totals.half_day + totals.unknown + totals.late + totals.early_leave > 0 || totals.away_s > 0,
  absent: ({ totals }) => totals.absent > 0,
  late: ({ totals }) => totals.late > 0,
  corrected: ({ totals }) => totals.corrected > 0,
};

function renderTables() {
  if (!report) return;
  const box = byId('reports-tables');
  box.removeAttribute('aria-busy');
  if (report.totals.days === 0) {
    box.replaceChildren(h('div', { class: 'panel' }, emptyState('file-text', t('reports.empty'), t('reports.empty.how'))));
    return;
  }
  // On paper there is no field that says what was left out.
  setText(byId('reports-chosen'), only === 'all' && search === '' ? '' : [t(`reports.only.${only}`), search].filter(Boolean).join(' · '));
  const { from, to, picked } = framed;
  const parts = from === to ? oneDay() : picked.kind === 'employee' ? onePerson() : severalDays();
  box.replaceChildren(...(parts.length > 0 ? parts
    : [h('div', { class: 'panel' }, emptyState('search', t('reports.noMatch'), ''))]));
}

const open_ = (row) => openDay(row.employee, row.date, read);

const FIGURES = () => [
  { label: t('column.first_in'), number: true, cell: (row) => momentCell(row.first_in, row.date) },
  { label: t('column.last_out'), number: true, cell: (row) => momentCell(row.last_out, row.date) },
  { label: t('column.worked_s'), number: true, cell: (row) => longCell(row.worked_s) },
  { label: t('column.break_s'), number: true, cell: (row) => longCell(row.break_s) },
  { label: t('column.away_s'), number: true, cell: (row) => badCell(row.away_s) },
  { label: t('column.late_s'), number: true, cell: (row) => badCell(row.late_s) },
  { label: t('column.early_leave_s'), number: true, cell: (row) => badCell(row.early_leave_s) },
  { label: t('column.overtime_s'), number: true, cell: (row) => longCell(row.overtime_s) },
  { label: t('column.notes'), className: 'cell-notes', cell: (row) => h('span', {}, row.state === 'final' ? '' : h('span', { class: `tag tag-${row.state}` }, t(`attendance.state.${row.state}`)), ' ', notes(row)) },
];

const sums = (rows) => (key) => hours(rows.reduce((sum, row) => sum + row[key], 0));

const footOfDays = (rows) => {
  const sum = sums(rows);
  return [t('reports.total'), '', '', '', ...['worked_s', 'break_s', 'away_s', 'late_s', 'early_leave_s', 'overtime_s'].map(sum)];
};

/** A team after the other, everybody with their day. */
function oneDay() {
  const days = new Map(report.days.map((row) => [row.employee, row]));
  const people = report.people.filter((person) => matches(person) && days.has(person.employee) && CHOICE[only](days.get(person.employee)));
  return teams(people, (team) => {
    const rows = team.map((person) => ({ ...days.get(person.employee), name: person.name }));
    return table([
      { label: t('column.name'), cell: (row) => row.name },
      { label: t('column.status'), cell: statusCell },
      ...FIGURES(),
    ], rows, { caption: t('reports.title'), foot: footOfDays(rows), open: open_ });
  });
}

/** One person, day after day. */
function onePerson() {
  const rows = report.days.filter((row) => CHOICE[only](row));
  if (rows.length === 0) return [];
  return [table([
    { label: t('column.date'), cell: (row) => dayName(row.date) },
    { label: t('column.status'), cell: statusCell },
    ...FIGURES(),
  ], rows, { caption: report.people[0]?.name, foot: footOfDays(rows), open: open_ })];
}

/** A team after the other, everybody with their sums. */
function severalDays() {
  const people = report.people.filter((person) => matches(person) && CHOICE_OF_MANY[only](person));
  const count = (key) => ({ label: t(`attendance.${key}`), number: true, cell: ({ totals }) => String(totals[key]) });
  const long = (key) => ({ label: t(`column.${key}`), number: true, cell: ({ totals }) => longCell(totals[key]) });
  const { from, to } = report;
  return teams(people, (team) => {
    const all = (key) => team.reduce((sum, person) => sum + person.totals[key], 0);
    return table([
      { label: t('column.name'), cell: (person) => person.name },
      { label: t('column.workdays'), number: true, cell: ({ totals }) => String(totals.workdays) },
      count('present'), count('half_day'), count('absent'),
      { label: t('column.leave_s'), number: true, cell: ({ totals }) => String(totals.on_leave + totals.excused) },
      count('unknown'),
      { label: t('column.late'), number: true, cell: ({ totals }) => String(totals.late) },
      long('planned_s'), long('worked_s'), long('away_s'), long('late_s'), long('early_leave_s'), long('overtime_s'),
    ], team, { caption: t('reports.title'), foot: [t('reports.total'), String(all('workdays')), String(all('present')), String(all('half_day')),
      String(all('absent')), String(all('on_leave') + all('excused')), String(all('unknown')), String(all('late')),
      ...['planned_s', 'worked_s', 'away_s', 'late_s', 'early_leave_s', 'overtime_s'].map((key) => hours(all(key)))],
    open: (person) => show('reports', { from, to, employee: person.employee }) });
  });
}

/** Tables of teams, in the report's order, each with its superior's name. */
function teams(people, render) {
  const groups = new Map();
  for (const person of people) {
    const key = person.team ?? '';
    groups.set(key, [...(groups.get(key) ?? []), person]);
  }
  return [...groups.values()].map((team) => h('section', { class: 'team' },
    h('h2', {}, team[0].team_name ? t('who.team.of', { name: team[0].team_name }) : t('reports.noTeam'), ' ',
      h('span', { class: 'muted figures' }, String(team.length))), render(team)));
}

