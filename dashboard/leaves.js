// Leaves and excuses, and the days on which nobody works.

import { api, get, post } from './api.js';
import { confirmDialog, field, formDialog, input, select, wrong } from './form.js';
import { t } from './i18n.js';
import { nameOf } from './people-picker.js';
import { changesEmployees, store } from './store.js';
import { table } from './table.js';
import { addDays, dayName, exactTime, now, shortTime, dayKey, today } from './time.js';
import { emptyState, h, icon } from './utils.js';

/** Leaves that ended no longer ago than this are shown, so that a mistake can be taken back. */
const PAST_DAYS = 31;

const head = (text, action) => h('div', { class: 'page-head' }, h('p', { class: 'muted' }, text), action);

/** A leave's beginning or end: the day where it is a midnight, else with the time; an end belongs to the day before. */
function edge(text, isEnd) {
  const at = Date.parse(text);
  const midnight = shortTime(at) === '00:00';
  const day = midnight && isEnd ? addDays(dayKey(at), -1) : dayKey(at);
  return h('time', { datetime: text, title: exactTime(at) }, midnight ? dayName(day) : `${dayName(day)} ${shortTime(at)}`);
}

export async function renderLeaves(draw) {
  const leaves = await get(`/api/leaves?from=${addDays(today(), -PAST_DAYS)}`);
  const mayChange = changesEmployees();
  const add = mayChange && h('button', { class: 'button primary', type: 'button', data: { act: 'add-leave' }, onclick: () => openLeave(draw) }, icon('plus'), t('leaves.add'));
  const parts = [head(t('leaves.how'), add)];
  if (leaves.length === 0) return [...parts, h('div', { class: 'panel' }, emptyState('calendar-days', t('leaves.empty'), t('leaves.empty.how')))];
  const state = (leave) => (Date.parse(leave.to) <= now() ? 'past' : Date.parse(leave.from) > now() ? 'coming' : 'running');
  const columns = [
    { label: t('column.name'), cell: (leave) => leave.name },
    { label: t('leaves.kind'), cell: (leave) => t(`attendance.${leave.kind}`) },
    { label: t('period.from'), cell: (leave) => edge(leave.from, false) },
    { label: t('leaves.until'), cell: (leave) => edge(leave.to, true) },
    { label: t('leaves.state'), cell: (leave) => t(`leaves.state.${state(leave)}`) },
    { label: t('day.reason'), cell: (leave) => leave.reason || '–' },
    { label: t('leaves.deputy'), cell: (leave) => (leave.deputy ? nameOf(leave.deputy) : '–') },
  ];
  if (mayChange) {
    columns.push({ label: '', className: 'cell-acts', cell: (leave) => {
      const key = state(leave) === 'running' ? 'end' : 'takeBack';
      return h('button', { class: 'button small', type: 'button', data: { act: 'end-leave' }, onclick: () => confirmDialog(t(`leaves.${key}`),
        t(`leaves.${key}.sure`, { name: leave.name }), async () => {
          await api('DELETE', `/api/leaves/${leave.id}${key === 'takeBack' ? '?take_back=true' : ''}`);
          draw();
        }, { yes: t(`leaves.${key}`) }) }, t(`leaves.${key}`));
    } });
  }
  return [...parts, table(columns, leaves, { caption: t('organisation.leaves') })];
}

function openLeave(draw) {
  const people = [...store.employees].sort((a, b) => a.name.localeCompare(b.name)).map((person) => [person.id, `${person.name} (${person.id})`]);
  formDialog(t('leaves.add'), [
    field(t('column.name'), select('employee', '', [['', t('leaves.choose')], ...people], { required: true })),
    h('div', { class: 'form-pair' },
      field(t('period.from'), input('from', today(), { type: 'date', required: true })),
      field(t('leaves.until'), input('to', today(), { type: 'date', required: true }), t('leaves.until.hint'))),
    field(t('day.reason'), input('reason', '', { maxlength: 200 }), t('leaves.reason.hint')),
    field(t('leaves.deputy'), select('deputy', '', [['', '–'], ...people]), t('leaves.deputy.hint')),
  ], async (form) => {
    const { employee, from, to, reason, deputy } = form.elements;
    if (employee.value === '') throw wrong('employee', 'leaves.employee.missing');
    await post('/api/leaves', { employee: employee.value, from: from.value, to: to.value, reason: reason.value.trim(), deputy: deputy.value || null });
    draw();
  });
}

export async function renderHolidays(draw) {
  const holidays = await get('/api/holidays');
  const mayChange = changesEmployees();
  const add = mayChange && h('button', { class: 'button primary', type: 'button', data: { act: 'add-holiday' }, onclick: () => openHoliday(draw, holidays.map((one) => one.date)) }, icon('plus'), t('holidays.add'));
  const parts = [head(t('holidays.how'), add)];
  if (holidays.length === 0) return [...parts, h('div', { class: 'panel' }, emptyState('calendar', t('holidays.empty'), t('holidays.empty.how')))];
  const columns = [
    { label: t('column.date'), cell: (holiday) => dayName(holiday.date) },
    { label: t('holidays.name'), cell: (holiday) => holiday.name },
  ];
  if (mayChange) {
    columns.push({ label: '', className: 'cell-acts', cell: (holiday) => h('button', { class: 'button small', type: 'button', data: { act: 'delete-holiday' },
      'aria-label': t('employees.for', { action: t('employees.delete'), name: holiday.name }), title: t('employees.delete'),
      onclick: () => confirmDialog(t('holidays.delete'), t('holidays.delete.sure', { name: holiday.name, date: dayName(holiday.date) }), async () => {
        await api('DELETE', `/api/holidays/${holiday.date}`);
        draw();
      }, { yes: t('employees.delete') }) }, icon('trash-2')) });
  }
  return [...parts, table(columns, holidays, { caption: t('organisation.holidays') })];
}

function openHoliday(draw, taken) {
  formDialog(t('holidays.add'), [
    field(t('column.date'), input('date', '', { type: 'date', required: true })),
    field(t('holidays.name'), input('name', '', { maxlength: 100, required: true })),
  ], async (form) => {
    const { date, name } = form.elements;
    if (date.value === '') throw wrong('date', 'holidays.date.missing');
    if (taken.includes(date.value)) throw wrong('date', 'holidays.date.taken');
    await api('PUT', `/api/holidays/${date.value}`, { name: name.value.trim() });
    draw();
  });
}
