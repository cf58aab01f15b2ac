// Schedules: the week's shifts with their breaks, and the rules by which presence becomes attendance.

import { api, get } from './api.js';
import { confirmDialog, field, formDialog, input, select, wrong } from './form.js';
import { t } from './i18n.js';
import { changesEmployees } from './store.js';
import { timeZone, weekdayNames } from './time.js';
import { emptyState, h, icon } from './utils.js';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const ZONES = ['Asia/Jakarta', 'Asia/Makassar', 'Asia/Jayapura'];
/** The rules with what holds where a schedule does not say. */
const RULES = { late_grace_min: 5, early_leave_grace_min: 5, overtime_after_min: 30, overtime_step_min: 1, half_day_below_percent: 50, absent_below_percent: 0 };

const path = (name) => `/api/schedules/${encodeURIComponent(name)}`;

export async function renderSchedules(draw) {
  const schedules = await get('/api/schedules');
  const mayChange = changesEmployees();
  const head = h('div', { class: 'page-head' }, h('p', { class: 'muted' }, t('schedules.how')),
    mayChange && h('button', { class: 'button primary', type: 'button', data: { act: 'add-schedule' }, onclick: () => openSchedule(null, draw, schedules.map((one) => one.name)) }, icon('plus'), t('schedules.add')));
  if (schedules.length === 0) return [head, h('div', { class: 'panel' }, emptyState('clock', t('schedules.empty'), t('schedules.empty.how')))];
  return [head, h('ul', { class: 'cards' }, schedules.map((schedule) => card(schedule, mayChange, draw)))];
}

/** "Sen–Jum", "Sen, Rab". */
function daysText(days) {
  const names = weekdayNames();
  const numbers = days.map((day) => DAYS.indexOf(day)).sort((a, b) => a - b);
  const inARow = numbers.length > 2 && numbers.every((n, index) => index === 0 || n === numbers[index - 1] + 1);
  return inARow ? `${names[numbers[0]]}–${names[numbers.at(-1)]}` : numbers.map((n) => names[n]).join(', ');
}

function card(schedule, mayChange, draw) {
  return h('li', { class: 'panel card', data: { schedule: schedule.name } },
    h('div', { class: 'card-head' }, h('h2', {}, schedule.name), h('span', { class: 'muted' }, t('schedules.employees', { n: schedule.employees })),
      mayChange && h('div', { class: 'acts' },
        h('button', { class: 'button small', type: 'button', data: { act: 'edit' }, 'aria-label': t('employees.for', { action: t('employees.edit'), name: schedule.name }),
          onclick: () => openSchedule(schedule, draw) }, icon('pencil')),
        h('button', { class: 'button small', type: 'button', data: { act: 'delete' }, 'aria-label': t('employees.for', { action: t('employees.delete'), name: schedule.name }),
          onclick: () => confirmDialog(t('schedules.delete'), t('schedules.delete.sure', { name: schedule.name }), async () => {
            await api('DELETE', path(schedule.name));
            draw();
          }, { yes: t('employees.delete') }) }, icon('trash-2')))),
    h('ul', { class: 'plain' }, schedule.shifts.map((shift) => h('li', {}, h('strong', {}, shift.name), ` ${daysText(shift.days)} `,
      h('span', { class: 'figures' }, `${shift.from}–${shift.to}`), shift.to <= shift.from && ` ${t('schedules.nextDay')}`,
      shift.breaks.length > 0 && h('span', { class: 'muted figures' }, ` · ${t('column.break_s')} ${shift.breaks.map((one) => `${one.from}–${one.to}`).join(', ')}`)))),
    h('p', { class: 'hint' }, rulesText({ ...RULES, ...schedule.rules }), ' ', t(`schedules.holidays.${schedule.holidays}.text`),
      schedule.timezone && schedule.timezone !== timeZone() ? ` ${t('schedules.zone', { zone: schedule.timezone })}` : ''));
}

const rulesText = (rules) => t('day.rules', { late: rules.late_grace_min, early: rules.early_leave_grace_min,
  overtime: rules.overtime_after_min === null ? t('day.rules.noOvertime') : t('day.rules.minutes', { n: rules.overtime_after_min }) });

function openSchedule(schedule, draw, taken = []) {
  const shifts = h('div', { class: 'stack' });
  const time = (name, value, label) => input(name, value, { type: 'time', required: true, 'aria-label': label });
  const addBreak = (list, one = { from: '12:00', to: '13:00' }) => {
    const line = h('div', { class: 'break-line' }, time('break-from', one.from, `${t('column.break_s')}: ${t('period.from')}`), '–',
      time('break-to', one.to, `${t('column.break_s')}: ${t('period.to')}`),
      h('button', { class: 'icon-button', type: 'button', 'aria-label': t('schedules.break.remove'), title: t('schedules.break.remove'), onclick: () => line.remove() }, icon('x')));
    list.append(line);
  };
  const addShift = (shift = { name: '', days: DAYS.slice(0, 5), from: '08:00', to: '17:00', breaks: [{ from: '12:00', to: '13:00' }] }) => {
    const breaks = h('div', { class: 'breaks' });
    const names = weekdayNames();
    const box = h('fieldset', { class: 'shift-box' }, h('legend', { class: 'sr-only' }, t('schedules.shift')),
      h('div', { class: 'shift-line' }, field(t('schedules.shift'), input('shift-name', shift.name, { maxlength: 50, required: true })),
        field(t('period.from'), time('shift-from', shift.from)), field(t('period.to'), time('shift-to', shift.to)),
        h('button', { class: 'icon-button', type: 'button', 'aria-label': t('schedules.shift.remove'), title: t('schedules.shift.remove'), onclick: () => box.remove() }, icon('trash-2'))),
      h('div', { class: 'checks days' }, DAYS.map((day, n) => h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'shift-day', value: day, checked: shift.days.includes(day) }), names[n]))),
      h('div', { class: 'break-part' }, h('span', { class: 'muted' }, t('column.break_s')), breaks,
        h('button', { class: 'button small', type: 'button', data: { act: 'add-break' }, onclick: () => addBreak(breaks) }, icon('plus'), t('schedules.break.add'))));
    for (const one of shift.breaks) addBreak(breaks, one);
    shifts.append(box);
  };
  for (const shift of schedule?.shifts ?? [undefined]) addShift(shift);
  const rules = { ...RULES, ...schedule?.rules };
  const number = (key, max, min = 0) => field(t(`schedules.${key}`), input(key, rules[key], { type: 'number', min, max, step: 1, inputmode: 'numeric' }));
  const zones = [...new Set([...ZONES, schedule?.timezone].filter(Boolean))];
  const body = (form) => ({
    timezone: form.elements.timezone.value || undefined,
    holidays: form.elements.holidays.value,
    shifts: [...shifts.querySelectorAll('.shift-box')].map((box) => ({
      name: box.querySelector('[name="shift-name"]').value.trim(),
      days: [...box.querySelectorAll('[name="shift-day"]:checked')].map((one) => one.value),
      from: box.querySelector('[name="shift-from"]').value,
      to: box.querySelector('[name="shift-to"]').value,
      breaks: [...box.querySelectorAll('.break-line')].map((line) => ({ from: line.querySelector('[name="break-from"]').value, to: line.querySelector('[name="break-to"]').value })),
    })),
    rules: Object.fromEntries(Object.keys(RULES).map((key) => {
      const text = form.elements[key].value;
      return [key, text === '' ? (key === 'overtime_after_min' ? null : RULES[key]) : Number(text)];
    })),
  });
  formDialog(schedule ? t('schedules.edit', { name: schedule.name }) : t('schedules.add'), [
    field(t('schedules.name'), input('name', schedule?.name, { maxlength: 50, required: true, readonly: Boolean(schedule) }), schedule ? null : t('schedules.name.hint')),
    shifts,
    h('button', { class: 'button small', type: 'button', data: { act: 'add-shift' }, onclick: () => addShift() }, icon('plus'), t('schedules.shift.add')),
    h('span', { class: 'hint' }, t('schedules.shifts.hint')),
    // What the server says of all shifts together has its place here.
    h('input', { type: 'hidden', name: 'shifts' }),
    h('div', { class: 'form-pair' },
      field(t('schedules.timezone'), select('timezone', schedule?.timezone, [['', t('schedules.timezone.site', { zone: timeZone() })], ...zones.map((zone) => [zone, zone])])),
      field(t('organisation.holidays'), select('holidays', schedule?.holidays ?? 'free', ['free', 'worked'].map((one) => [one, t(`schedules.holidays.${one}`)])))),
    h('details', {}, h('summary', {}, t('schedules.rules')), h('div', { class: 'figure-fields' },
      number('late_grace_min', 240), number('early_leave_grace_min', 240), number('overtime_after_min', 720), number('overtime_step_min', 120, 1),
      number('half_day_below_percent', 100), number('absent_below_percent', 100)), h('p', { class: 'hint' }, t('schedules.rules.hint'))),
  ], async (form) => {
    const name = form.elements.name.value.trim();
    if (!/^[A-Za-z0-9._-]{1,50}$/.test(name)) throw wrong('name', 'schedules.name.wrong');
    const sent = body(form);
    if (sent.shifts.length === 0) throw wrong('shifts', 'schedules.shifts.none');
    if (!schedule && taken.includes(name)) throw wrong('name', 'form.name.taken');
    await api('PUT', path(name), sent);
    draw();
  }, { className: 'dialog-wide' });
}
