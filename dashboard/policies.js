// Escalation policies: who is told when, step by step, until somebody answers.

import { api, get } from './api.js';
import { confirmDialog, field, formDialog, input, select, wrong } from './form.js';
import { t } from './i18n.js';
import { nameOf } from './people-picker.js';
import { changesEmployees, store } from './store.js';
import { exactDuration, weekdayNames } from './time.js';
import { emptyState, h, icon } from './utils.js';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const ROLES = ['hr', 'admin', 'supervisor', 'technician'];
const CHANNELS = ['whatsapp', 'email'];
const MAX_LEVEL = 15;

const path = (name) => `/api/policies/${encodeURIComponent(name)}`;

export async function renderPolicies(draw) {
  const policies = await get('/api/policies');
  const mayChange = changesEmployees();
  const head = h('div', { class: 'page-head' }, h('p', { class: 'muted' }, t('policies.how')),
    mayChange && h('button', { class: 'button primary', type: 'button', data: { act: 'add-policy' }, onclick: () => openPolicy(null, draw, policies.map((one) => one.name)) }, icon('plus'), t('policies.add')));
  if (policies.length === 0) return [head, h('div', { class: 'panel' }, emptyState('bell', t('policies.empty'), t('policies.empty.how')))];
  return [head, h('ul', { class: 'cards' }, policies.map((policy) => card(policy, mayChange, draw)))];
}

/** Whom a step is for, in words. */
function target(to) {
  if (to === 'area_supervisor') return t('policies.to.area_supervisor');
  if (to.superior !== undefined) return to.superior === 1 ? t('policies.superior.direct') : t('policies.superior', { n: to.superior });
  if (to.role !== undefined) return t('policies.everyRole', { role: t(`role.${to.role}`) });
  // The server names nobody whom the reader may not see.
  return to.employee === 'hidden' ? t('policies.hidden') : nameOf(to.employee);
}

function hoursText({ days, from, to }) {
  const names = weekdayNames();
  return t('policies.only', { days: days.map((day) => names[DAYS.indexOf(day)]).join(', '), from, to });
}

function stepText(step) {
  const parts = [h('strong', {}, target(step.to)), ` ${t('policies.by', { channel: t(`channel.${step.channel ?? 'whatsapp'}`) })}`];
  if (step.repeat) parts.push(` · ${t('policies.again', { every: exactDuration(step.repeat.every_s), n: step.repeat.times })}`);
  if (step.hours) parts.push(` · ${hoursText(step.hours)}`);
  return parts;
}

function card(policy, mayChange, draw) {
  return h('li', { class: 'panel card', data: { policy: policy.name } },
    h('div', { class: 'card-head' }, h('h2', {}, policy.name), h('span', { class: 'muted' }, policy.name === 'default' ? t('policies.default')
      : t('policies.holds', { areas: policy.areas, teams: policy.teams })),
    mayChange && h('div', { class: 'acts' },
      h('button', { class: 'button small', type: 'button', data: { act: 'edit' }, 'aria-label': t('employees.for', { action: t('employees.edit'), name: policy.name }),
        onclick: () => openPolicy(policy, draw) }, icon('pencil')),
      h('button', { class: 'button small', type: 'button', data: { act: 'delete' }, 'aria-label': t('employees.for', { action: t('employees.delete'), name: policy.name }),
        onclick: () => confirmDialog(t('policies.delete'), t('policies.delete.sure', { name: policy.name }), async () => {
          await api('DELETE', path(policy.name));
          draw();
        }, { yes: t('employees.delete') }) }, icon('trash-2')))),
    h('ol', { class: 'climb' }, policy.steps.map((step) => h('li', {}, h('b', { class: 'figures' },
      step.after_s === 0 ? t('policies.atOnce') : `+${exactDuration(step.after_s)}`), h('span', {}, stepText(step))))));
}

const kindOf = (to) => (typeof to === 'string' ? to : Object.keys(to)[0]);

function stepBox(step, people) {
  const kinds = ['superior', 'area_supervisor', 'role', 'employee'];
  const kind = select('to', kindOf(step.to), kinds.map((one) => [one, t(`policies.to.${one}`)]));
  const level = select('level', String(step.to.superior ?? 1), [...Array(MAX_LEVEL).keys()].map((n) => [String(n + 1), n === 0 ? t('policies.superior.direct') : t('policies.superior', { n: n + 1 })]));
  const role = select('role', step.to.role ?? 'hr', ROLES.map((one) => [one, t(`role.${one}`)]));
  const employee = select('employee', step.to.employee ?? '', [['', t('leaves.choose')], ...people]);
  const which = { superior: field(t('policies.level'), level), role: field(t('policies.role'), role), employee: field(t('column.name'), employee) };
  const minutes = input('after', step.after_s / 60, { type: 'number', min: 0, max: 1440, step: 'any', required: true, inputmode: 'decimal' });
  const again = input('times', step.repeat?.times ?? 0, { type: 'number', min: 0, max: 20, step: 1, inputmode: 'numeric' });
  const every = input('every', (step.repeat?.every_s ?? 300) / 60, { type: 'number', min: 1, max: 240, step: 'any', inputmode: 'decimal' });
  const limited = h('input', { type: 'checkbox', name: 'limited', checked: Boolean(step.hours) });
  const names = weekdayNames();
  const hours = h('div', { class: 'stack', hidden: !step.hours },
    h('div', { class: 'checks days' }, DAYS.map((day, n) => h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'hours-day', value: day,
      checked: step.hours ? step.hours.days.includes(day) : n < 5 }), names[n]))),
    h('div', { class: 'form-pair' }, field(t('period.from'), input('hours-from', step.hours?.from ?? '07:00', { type: 'time', required: true })),
      field(t('period.to'), input('hours-to', step.hours?.to ?? '18:00', { type: 'time', required: true }))));
  limited.addEventListener('change', () => { hours.hidden = !limited.checked; });
  const choose = () => {
    for (const [name, part] of Object.entries(which)) part.hidden = name !== kind.value;
  };
  kind.addEventListener('change', choose);
  choose();
  const box = h('fieldset', { class: 'shift-box step-box' }, h('legend', { class: 'sr-only' }, t('policies.step')),
    h('div', { class: 'shift-line' }, field(t('policies.after'), minutes), field(t('policies.to'), kind), ...Object.values(which),
      h('button', { class: 'icon-button', type: 'button', 'aria-label': t('policies.step.remove'), title: t('policies.step.remove'), onclick: () => box.remove() }, icon('trash-2'))),
    h('div', { class: 'shift-line' }, field(t('policies.channel'), select('channel', step.channel ?? 'whatsapp', CHANNELS.map((one) => [one, t(`channel.${one}`)]))),
      field(t('policies.times'), again), field(t('policies.every'), every)),
    h('label', { class: 'check' }, limited, t('policies.limited')), hours);
  return box;
}

/** What a step's fields say. */
function readStep(box) {
  const value = (name) => box.querySelector(`[name="${name}"]`).value;
  const kind = value('to');
  const to = kind === 'superior' ? { superior: Number(value('level')) } : kind === 'role' ? { role: value('role') }
    : kind === 'employee' ? { employee: value('employee') } : kind;
  if (kind === 'employee' && !to.employee) throw wrong('steps', 'policies.employee.missing');
  if (value('after') === '') throw wrong('steps', 'policies.after.missing');
  const step = { after_s: Math.round(Number(value('after')) * 60), to, channel: value('channel') };
  const times = Number(value('times'));
  if (times > 0) step.repeat = { every_s: Math.round(Number(value('every')) * 60), times };
  if (box.querySelector('[name="limited"]').checked) {
    step.hours = { days: [...box.querySelectorAll('[name="hours-day"]:checked')].map((one) => one.value), from: value('hours-from'), to: value('hours-to') };
  }
  return step;
}

function openPolicy(policy, draw, taken = []) {
  const people = [...store.employees].sort((a, b) => a.name.localeCompare(b.name)).map((person) => [person.id, `${person.name} (${person.id})`]);
  const steps = h('div', { class: 'stack' }, (policy?.steps ?? [{ after_s: 0, to: { superior: 1 } }, { after_s: 600, to: { superior: 2 } }, { after_s: 1200, to: { role: 'hr' } }])
    .map((step) => stepBox(step, people)));
  formDialog(policy ? t('policies.edit', { name: policy.name }) : t('policies.add'), [
    field(t('policies.name'), input('name', policy?.name, { maxlength: 50, required: true, readonly: Boolean(policy) }), policy ? null : t('policies.name.hint')),
    steps,
    h('button', { class: 'button small', type: 'button', data: { act: 'add-step' }, onclick: () => {
      const last = steps.lastElementChild?.querySelector('[name="after"]').value ?? -10;
      steps.append(stepBox({ after_s: (Number(last) + 10) * 60, to: { role: 'hr' } }, people));
    } }, icon('plus'), t('policies.step.add')),
    // What the server says of all steps together has its place here.
    h('input', { type: 'hidden', name: 'steps' }),
  ], async (form) => {
    const name = form.elements.name.value.trim();
    if (!/^[A-Za-z0-9._-]{1,50}$/.test(name)) throw wrong('name', 'schedules.name.wrong');
    const sent = [...steps.querySelectorAll('.step-box')].map(readStep);
    if (sent.length === 0) throw wrong('steps', 'policies.steps.none');
    if (!policy && taken.includes(name)) throw wrong('name', 'form.name.taken');
    await api('PUT', path(name), { steps: sent });
    draw();
  }, { className: 'dialog-wide' });
}
