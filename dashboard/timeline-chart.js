// Days as lines of time: a row for each day of a person, or for each person of a day.

import { statusWord } from './attendance-words.js';
import { cameraName } from './camera-manager.js';
import { AREA_COLOURS, axis, chartPanel, tooltip } from './charts.js';
import { t } from './i18n.js';
import { areaName, store } from './store.js';
import { dayName, hours, shortTime, siteMoment } from './time.js';

const MINUTE = 60_000;
const ROW = 22;

/** Minutes since a day's midnight. */
export const minutesOf = (day) => {
  const midnight = Date.parse(siteMoment(day, '00:00'));
  return (text) => (Date.parse(text) - midnight) / MINUTE;
};

/** Minutes since midnight as a time of day; of the next day with +1. */
export const clock = (minutes) => {
  const whole = Math.round(minutes);
  const day = Math.floor(whole / 1440);
  const rest = ((whole % 1440) + 1440) % 1440;
  return `${String(Math.floor(rest / 60)).padStart(2, '0')}:${String(rest % 60).padStart(2, '0')}${day > 0 ? ` +${day}` : ''}`;
};

/** From when to when a day is drawn, in minutes: whole hours, office hours at least, a little more than was seen. */
export const hoursAround = (begins, ends) => [
  Math.max(0, Math.floor((Math.min(480, ...begins) - 30) / 60) * 60),
  Math.min(2880, Math.ceil((Math.max(1020, ...ends) + 30) / 60) * 60),
];

export function areaColours() {
  const ids = store.areas.map((area) => area.id).sort();
  return (id) => (ids.includes(id) ? AREA_COLOURS[ids.indexOf(id) % AREA_COLOURS.length] : AREA_COLOURS.at(-1));
}

/** The panel; `byDay`: rows are days of one person. `open(row)` shows a row's day. */
export function timelinePanel(rows, byDay, open) {
  const colourOf = areaColours();
  const names = rows.map((row) => (byDay ? dayName(row.date, { weekday: 'short', day: 'numeric', month: 'short' }) : row.name));
  const parts = rows.flatMap((row, index) => {
    const at = minutesOf(row.date);
    const span = (one, kind, text, area = null) => ({ value: [index, at(one.from), Math.max(at(one.to), at(one.from) + 2), kind], text, area });
    const times = (one) => `${shortTime(Date.parse(one.from))}–${shortTime(Date.parse(one.to))}`;
    return [
      ...row.shifts.map((one) => span(one, 'planned', `${one.name} ${times(one)}`)),
      ...row.shifts.flatMap((one) => one.breaks.map((pause) => span(pause, 'break', `${t('column.break_s')} ${times(pause)}`))),
      ...row.leaves.map((one) => span(one, 'leave', `${t(`exempt.${one.kind}`)} ${times(one)}`)),
      ...row.unobserved.map((one) => span(one, 'unobserved', `${t('column.unobserved_s')} ${times(one)}`)),
      ...row.seen.map((one) => span(one, 'seen', `${one.area ? areaName(one.area) : cameraName(one.camera)} ${times(one)}`, one.area)),
    ];
  });
  const ends = parts.map(({ value }) => value[2]);
  const begins = parts.map(({ value }) => value[1]);
  const [first, last] = hoursAround(begins, ends);
  const present = rows.filter((row) => row.seen.length > 0).length;
  return chartPanel({
    key: 'timeline', title: t('patterns.timeline'), how: t('patterns.timeline.how'),
    summary: t('patterns.timeline.summary', { n: present, of: rows.length }),
    height: Math.max(140, rows.length * ROW + 60),
    table: { columns: [byDay ? t('column.date') : t('column.name'), t('column.status'), t('column.first_in'), t('column.last_out'), t('column.worked_s'), t('column.away_s')],
      rows: rows.map((row, index) => [names[index], statusWord(row), row.first_in ? shortTime(Date.parse(row.first_in)) : '–',
        row.last_out ? shortTime(Date.parse(row.last_out)) : '–', hours(row.worked_s), hours(row.away_s)]) },
    onclick: ({ data }) => data && open(rows[data.value[0]]),
    option: (colours) => ({
      grid: { left: 8, right: 16, top: 8, bottom: 24, containLabel: true },
      tooltip: tooltip(colours, ({ data }) => `${names[data.value[0]]}\n${data.text}`),
      xAxis: { type: 'value', min: first, max: last, interval: (last - first) > 900 ? 120 : 60, ...axis(colours), axisLabel: { ...axis(colours).axisLabel, formatter: clock, hideOverlap: true } },
      yAxis: { type: 'category', data: names, inverse: true, ...axis(colours), axisLabel: { color: colours.text, fontSize: 11, width: 130, overflow: 'truncate', interval: 0 } },
      series: [{ type: 'custom', encode: { x: [1, 2], y: 0 }, data: parts, renderItem: (params, api) => {
        const [from, row] = api.coord([api.value(1), api.value(0)]);
        const [to] = api.coord([api.value(2), api.value(0)]);
        const tall = api.size([0, 1])[1];
        const part = parts[params.dataIndex];
        const kind = part.value[3];
        const [share, fill, extra] = {
          planned: [0.86, colours['accent-soft'], {}],
          break: [0.86, colours.surface, {}],
          leave: [0.86, colours.exempt, { opacity: 0.35 }],
          unobserved: [0.86, 'transparent', { stroke: colours.unknown, lineWidth: 1, lineDash: [3, 3] }],
          seen: [0.5, colourOf(part.area), {}],
        }[kind];
        return { type: 'rect', shape: { x: from, y: row - (tall * share) / 2, width: Math.max(1, to - from), height: tall * share, r: kind === 'seen' ? 2 : 0 }, style: { fill, ...extra } };
      } }],
    }),
  });
}
