// One day of one person: what came of it, out of what, and what HR says.

import { api, get } from './api.js';
import { badCell, longCell, momentCell, notes, statusCell, statusWord } from './attendance-words.js';
import { cameraName } from './camera-manager.js';
import { has, t } from './i18n.js';
import { areaName, cameraById, changesEmployees } from './store.js';
import { table } from './table.js';
import { addDays, dayKey, dayName, exactDuration, exactTime, hours, parseHours, shortTime, siteMoment, whenShort } from './time.js';
import { filler, h, icon, openDialog, sentence, showError } from './utils.js';

const FIGURES = ['worked_s', 'away_s', 'late_s', 'early_leave_s', 'overtime_s'];
const STATUSES = ['present', 'half_day', 'absent', 'on_leave', 'excused', 'not_expected'];

const path = (employee, date) => `/api/attendance/${encodeURIComponent(employee)}/${date}`;

/** Opens the day; `changed` is called after a decision. */
export async function openDay(employee, date, changed = () => {}) {
  const body = h('div', { class: 'form day', 'aria-busy': 'true' });
  const dialog = openDialog(dayName(date), body, { className: 'dialog-wide' });
  const render = (day) => {
    body.removeAttribute('aria-busy');
    dialog.querySelector('h2').textContent = t('day.title', { name: day.name, date: dayName(date) });
    body.replaceChildren(result(day), evidence(day), history(day), ...decide(day, async (decision) => {
      render(await api('POST', path(employee, date), decision));
      changed();
    }));
  };
  try {
    render(await get(path(employee, date)));
  } catch (error) {
    body.removeAttribute('aria-busy');
    body.replaceChildren(h('p', { class: 'error-line', role: 'alert' }, error.code === 'not_found' ? error.message : sentence(error)));
  }
}

const fact = (label, value) => [h('dt', {}, label), h('dd', { class: 'figures' }, value)];

function result(day) {
  const { rules } = day;
  const overtime = rules.overtime_after_min === null ? t('day.rules.noOvertime') : t('day.rules.minutes', { n: rules.overtime_after_min });
  return h('section', {}, h('div', { class: 'day-head' }, statusCell(day), h('span', { class: `tag tag-${day.state}` }, t(`attendance.state.${day.state}`)),
    notes(day) && h('span', { class: 'muted' }, notes(day))),
  h('dl', { class: 'facts day-facts' },
    ...fact(t('column.first_in'), momentCell(day.first_in, day.date)), ...fact(t('column.last_out'), momentCell(day.last_out, day.date)),
    ...['planned_s', 'worked_s', 'break_s'].flatMap((key) => fact(t(`column.${key}`), longCell(day[key]))),
    ...['away_s', 'late_s', 'early_leave_s'].flatMap((key) => fact(t(`column.${key}`), badCell(day[key]))),
    ...['overtime_s', 'unobserved_s', 'leave_s'].flatMap((key) => fact(t(`column.${key}`), longCell(day[key])))),
  day.shifts.length > 0 && h('ul', { class: 'plain small' }, day.shifts.map((shift) => h('li', {},
    `${t('day.shift')} ${shift.name} ${between(shift, day.date)}: ${statusWord(shift)}`,
    shift.breaks.length > 0 && h('span', { class: 'muted' }, ` (${t('column.break_s')} ${shift.breaks.map((one) => between(one, day.date)).join(', ')})`)))),
  h('p', { class: 'hint' }, t('day.rules', { late: rules.late_grace_min, early: rules.early_leave_grace_min, overtime })));
}

function clock(at, day) {
  const moment = Date.parse(at);
  return dayKey(moment) === day ? shortTime(moment) : `${shortTime(moment)} (${dayName(dayKey(moment), { day: 'numeric', month: 'short' })})`;
}

const between = (span, day) => `${clock(span.from, day)}–${clock(span.to, day)}`;

function place(id) {
  const camera = cameraById(id);
  return camera ? `${cameraName(id)} · ${areaName(camera.area)}` : id;
}

function evidence(day) {
  const lines = [
    ...day.seen.map((seen) => {
      const camera = seen.first_camera === seen.last_camera ? place(seen.first_camera)
        : t('day.seen.from', { first: place(seen.first_camera), last: place(seen.last_camera) });
      const by = seen.methods.map((method) => (has(`method.${method}`) ? t(`method.${method}`) : method)).join(', ');
      return { at: seen.from, text: t(seen.from === seen.to ? 'day.seen.once' : 'day.seen', { from: clock(seen.from, day.date), to: clock(seen.to, day.date), camera, by }), kind: 'seen', bodies: byBody(seen, day) };
    }),
    ...day.unobserved.map((span) => ({ at: span.from, text: t('day.unobserved', { from: clock(span.from, day.date), to: clock(span.to, day.date) }), kind: 'unobserved' })),
    ...day.leaves.map((leave) => ({ at: leave.from, text: t(`day.leave.${leave.kind}`, { from: whenShort(Date.parse(leave.from)), to: whenShort(Date.parse(leave.to)) }), kind: 'leave' })),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return h('section', {}, h('h3', {}, t('day.evidence')), sightings(day), lines.length === 0 ? h('p', { class: 'muted' }, t('day.evidence.none'))
    : h('ol', { class: 'plain evidence' }, lines.map(({ text, kind, bodies = null }) => h('li', { data: { kind } },
      icon({ seen: 'scan-face', unobserved: 'camera-off', leave: 'calendar-days' }[kind], 'icon tiny'), h('span', {}, text, bodies)))));
}

/** Shorter times without a face are not told. */
const BY_BODY_MS = 30_000;

/** When, of a stretch, they were known by their body alone. */
function byBody({ by_body: spans }, day) {
  const long = (span) => Date.parse(span.to) - Date.parse(span.from);
  const told = spans.filter((span) => long(span) >= BY_BODY_MS);
  if (told.length === 0) return null;
  const seconds = told.reduce((sum, span) => sum + long(span) / 1000, 0);
  return h('details', { class: 'by-body' }, h('summary', {}, t('day.byBody', { time: exactDuration(Math.round(seconds / 60) * 60 || 60) })),
    told.map((span) => between(span, day.date)).join(', '));
}

/** Down to every track that a camera followed, as long as single sightings are kept. */
function sightings(day) {
  const box = h('div', {});
  const details = h('details', { data: { part: 'sightings' } }, h('summary', {}, t('day.sightings')), box);
  const fill = filler(box);
  details.addEventListener('toggle', () => {
    if (details.open && box.childElementCount === 0) fill(async () => tracks(await get(`${path(day.employee, day.date)}/sightings`), day));
  });
  return details;
}

function tracks(rows, day) {
  if (rows.length === 0) return h('p', { class: 'muted' }, t(day.seen.length > 0 ? 'day.gone' : 'day.evidence.none'));
  return table([
    { label: t('day.sightings.when'), cell: (row) => (row.from === row.to ? clock(row.from, day.date) : between(row, day.date)) },
    { label: t('devices.label'), cell: (row) => place(row.camera) },
    { label: t('day.sightings.by'), cell: (row) => (has(`method.${row.method}`) ? t(`method.${row.method}`) : row.method) },
    { label: t('day.sightings.count'), number: true, cell: (row) => String(row.sightings) },
    { label: t('day.sightings.likeness'), number: true, cell: (row) => row.confidence.toFixed(2) },
  ], rows, { caption: t('day.sightings') });
}

/** What a decision changed, in words. */
function changes(is, wouldBe, day) {
  const parts = [];
  if (is.status !== wouldBe.status) parts.push(t('day.change', { what: t('column.status'), is: statusWord(is), wouldBe: statusWord(wouldBe) }));
  for (const key of ['first_in', 'last_out']) {
    const text = (at) => (at ? clock(at, day) : '–');
    if (is[key] !== wouldBe[key]) parts.push(t('day.change', { what: t(`column.${key}`), is: text(is[key]), wouldBe: text(wouldBe[key]) }));
  }
  for (const key of ['planned_s', 'worked_s', 'break_s', 'away_s', 'late_s', 'early_leave_s', 'overtime_s', 'leave_s', 'unobserved_s']) {
    if (is[key] !== wouldBe[key]) parts.push(t('day.change', { what: t(`column.${key}`), is: hours(is[key]), wouldBe: hours(wouldBe[key]) }));
  }
  return parts.join('; ');
}

/** What HR said, in words. */
function said(correction, day) {
  if (!correction) return '';
  const parts = [];
  if (correction.status) parts.push(`${t('column.status')} ${statusWord(correction)}`);
  for (const key of ['first_in', 'last_out']) if (correction[key]) parts.push(`${t(`column.${key}`)} ${clock(correction[key], day)}`);
  for (const key of FIGURES) if (correction[key] !== undefined) parts.push(`${t(`column.${key}`)} ${hours(correction[key])}`);
  return parts.join(', ');
}

function history(day) {
  return h('section', {}, h('h3', {}, t('day.history')), day.decisions.length === 0 ? h('p', { class: 'muted' }, t('day.history.none'))
    : h('ol', { class: 'plain' }, day.decisions.map((one) => h('li', { class: 'decision' },
      h('span', {}, t(`decision.${one.what}`, { who: one.who }), said(one.correction, day.date) && `: ${said(one.correction, day.date)}`),
      h('q', {}, one.reason),
      h('time', { class: 'muted', datetime: one.at, title: exactTime(Date.parse(one.at)) }, whenShort(Date.parse(one.at)))))));
}

/** What HR may do about the day. */
function decide(day, send) {
  if (!changesEmployees()) return [h('p', { class: 'muted' }, t('day.readonly'))];
  const last = [...day.decisions].reverse().find((one) => one.what !== 'dismissed');
  const corrected = last?.what === 'corrected';
  const reason = h('input', { name: 'reason', maxlength: 200, autocomplete: 'off', required: true });
  const failure = h('p', { class: 'error-line', role: 'alert', hidden: true });
  const act = async (what, correction) => {
    showError(failure, null);
    if (reason.value.trim() === '') {
      reason.focus();
      return showError(failure, t('day.reason.missing'));
    }
    for (const button of form.querySelectorAll('button')) button.disabled = true;
    try {
      await send({ what, reason: reason.value.trim(), ...(correction ? { correction } : {}) });
    } catch (error) {
      for (const button of form.querySelectorAll('button')) button.disabled = false;
      showError(failure, sentence(error));
    }
  };
  const button = (key, run, className = '') => h('button', { class: `button ${className}`, type: 'button', data: { act: key }, onclick: run }, t(`day.${key}`));
  const inputs = fields(day);
  const form = h('form', { class: 'correct', novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    const { correction, wrong } = read(inputs, day);
    if (wrong) {
      wrong.focus();
      return showError(failure, t('day.correct.hours'));
    }
    if (Object.keys(correction).length === 0) return showError(failure, t('day.correct.nothing'));
    act('corrected', correction);
  } },
  day.would_be && h('p', { class: 'notice-line' }, t('day.difference', { changes: changes(day, day.would_be, day.date) })),
  h('details', { open: !day.would_be }, h('summary', {}, t('day.correct.open')), h('div', { class: 'correct-fields' },
    h('p', { class: 'hint' }, t('day.correct.how')),
    h('div', { class: 'form-pair' }, ...['first_in', 'last_out'].map((key) => h('div', { class: 'field' }, h('label', { for: `correct-${key}` }, t(`column.${key}`)),
      h('span', { class: 'moment-field' }, inputs[key].time, h('label', { class: 'check' }, inputs[key].next, t('day.correct.nextDay')))))),
    h('label', { class: 'field' }, h('span', {}, t('column.status')), inputs.status),
    h('fieldset', { class: 'field' }, h('legend', {}, t('day.correct.figures')), h('div', { class: 'figure-fields' },
      FIGURES.map((key) => h('label', { class: 'field' }, h('span', {}, t(`column.${key}`)), inputs[key])))))),
  h('label', { class: 'field' }, h('span', {}, t('day.reason')), reason, h('span', { class: 'hint' }, t('day.reason.hint'))),
  failure,
  h('div', { class: 'dialog-acts' },
    corrected && button('withdraw', () => act('withdrawn')),
    day.would_be && button('dismiss', () => act('dismissed')), day.would_be && button('accept', () => act('accepted'), 'primary'),
    h('button', { class: day.would_be ? 'button' : 'button primary', data: { act: 'correct' } }, t('day.save'))));
  return [h('section', {}, h('h3', {}, t('day.correct')), form)];
}

function fields(day) {
  const moment = (key) => ({
    time: h('input', { type: 'time', id: `correct-${key}`, name: key }),
    next: h('input', { type: 'checkbox', name: `${key}-next`, checked: Boolean(day[key]) && dayKey(Date.parse(day[key])) > day.date }),
  });
  return {
    first_in: moment('first_in'),
    last_out: moment('last_out'),
    status: h('select', { name: 'status' }, h('option', { value: '' }, t('day.correct.asIs')),
      STATUSES.map((one) => h('option', { value: one }, statusWord({ status: one })))),
    ...Object.fromEntries(FIGURES.map((key) => [key, h('input', { name: key, inputmode: 'numeric', autocomplete: 'off', placeholder: hours(day[key]) })])),
  };
}

function read(inputs, day) {
  const correction = {};
  for (const key of ['first_in', 'last_out']) {
    const { time, next } = inputs[key];
    if (time.value) correction[key] = siteMoment(next.checked ? addDays(day.date, 1) : day.date, time.value);
  }
  if (inputs.status.value) correction.status = inputs.status.value;
  for (const key of FIGURES) {
    const text = inputs[key].value;
    if (text.trim() === '') continue;
    const seconds = parseHours(text);
    inputs[key].setAttribute('aria-invalid', String(seconds === null));
    if (seconds === null) return { wrong: inputs[key] };
    correction[key] = seconds;
  }
  return { correction };
}
