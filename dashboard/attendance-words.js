// A day of attendance in words and cells, the same on every page.

import { has, t } from './i18n.js';
import { dayKey, dayOf, exactTime, hours, shortTime } from './time.js';
import { h } from './utils.js';

/** What came of a day. Whoever has no schedule is not off either. */
export const statusWord = (row) => t(row.status === 'not_expected' && row.kind === 'unplanned' ? 'attendance.no_schedule' : `attendance.${row.status}`);

export const statusCell = (row) => h('span', { class: `attendance attendance-${row.status}` }, statusWord(row));

/** A moment of a day: the time, and the date where it is another day's. */
export function momentCell(at, day) {
  if (!at) return '–';
  const moment = Date.parse(at);
  const other = dayKey(moment) !== day;
  return h('time', { datetime: at, title: exactTime(moment) }, other ? `${dayOf(moment)} ${shortTime(moment)}` : shortTime(moment));
}

export const longCell = (seconds) => hours(seconds, '–');
/** One that somebody should look at. */
export const badCell = (seconds) => (seconds === 0 ? '–' : h('span', { class: 'notable' }, hours(seconds)));

/** What HR should look at. */
export const notes = (row) => [row.holiday, ...row.flags.map((flag) => (has(`flag.${flag}`) ? t(`flag.${flag}`) : flag)),
  row.difference && t('flag.difference')].filter(Boolean).join(', ');

/** Whether there is anything about the day that HR should look at. */
export const isNotable = (row) => ['absent', 'half_day', 'unknown'].includes(row.status) || row.late_s > 0 || row.early_leave_s > 0
  || row.away_s > 0 || row.flags.length > 0 || row.difference;
