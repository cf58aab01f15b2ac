// The help panel: what the hierarchy is, shown on the company's own chart, and what has to be mended in it.

import { get } from './api.js';
import { climbOf } from './climb.js';
import { openForm } from './employee-manager.js';
import { has, t } from './i18n.js';
import { changesEmployees, load, on, seesPeople, store } from './store.js';
import { byId, emptyState, filler, h, icon, openDialog } from './utils.js';

/** Of longer lists the rest is only counted. */
const SHOWN = 20;
/** What can be written instead of pressing the button: the meaning's key, and the texts. */
const ANSWERS = ['take', 'excuse', 'status', 'where', 'report', 'help'];

export function startHelp() {
  const button = byId('help-button');
  button.addEventListener('click', openHelp);
  on('me', () => { button.hidden = !seesPeople(); });
}

function openHelp() {
  const example = h('div', { class: 'help-part' });
  const mend = h('div', { class: 'help-part' });
  const part = (key, ...content) => h('section', { class: 'help-part' }, h('h3', {}, t(key)), content);
  const dialog = openDialog(t('help.title'), h('div', { class: 'help' },
    h('p', {}, t('help.what', { ack: t('alerts.ack') })),
    part('help.example', example),
    part('help.rules', h('ul', { class: 'points' },
      ['time', 'camera', 'passed'].map((key) => h('li', {}, t(`help.rules.${key}`, { unknown: t('state.unknown') }))))),
    changesEmployees() && part('help.mend', mend),
    part('help.answer', h('p', {}, t('help.answer.how', { ack: t('alerts.ack') })), answers())));
  filler(example)(() => examples(() => dialog.close()));
  if (changesEmployees()) filler(mend)(() => problems(() => dialog.close()));
}

async function employees() {
  if (!store.loaded.has('employees')) await load('employees');
  return [...store.employees].sort((a, b) => a.name.localeCompare(b.name));
}

/** The choice of an employee, and what would happen if they were gone. */
async function examples(close) {
  const people = await employees();
  const first = people.find((person) => person.supervisor);
  if (!first) {
    return emptyState('users', t('help.empty'), t('help.empty.how'),
      changesEmployees() && h('a', { class: 'button', href: '#/employees', onclick: close }, icon('users'), t('nav.employees')));
  }
  const chosen = h('select', { name: 'employee' },
    people.map((person) => h('option', { value: person.id, selected: person === first }, `${person.name} (${person.id})`)));
  const box = h('div', { class: 'help-part', 'aria-live': 'polite' });
  const fill = filler(box);
  const show = () => {
    const person = people.find(({ id }) => id === chosen.value);
    fill(() => climbOf(person));
  };
  chosen.addEventListener('change', show);
  show();
  return [h('label', { class: 'field' }, h('span', {}, t('help.employee')), chosen), box];
}

/** What keeps absences from being told to somebody, with the way to whom it concerns. */
async function problems(close) {
  const [found, people] = await Promise.all([get('/api/hierarchy'), employees()]);
  if (found.length === 0) return h('p', { class: 'good-line' }, icon('circle-check'), t('help.mend.none'));
  const rows = found.slice(0, SHOWN).map((problem) => {
    const person = people.find(({ id }) => id === problem.employee);
    return h('li', {}, icon('triangle-alert'), h('span', {}, problemWord(problem, person)),
      person && h('button', { class: 'button small', type: 'button', title: t('employees.edit'),
        'aria-label': t('employees.for', { action: t('employees.edit'), name: person.name }),
        onclick: () => {
          close();
          openForm(person);
        } }, icon('pencil')));
  });
  const rest = found.length - rows.length;
  return [h('ul', { class: 'mend' }, rows), rest > 0 && h('p', { class: 'muted' }, t('help.more', { n: rest }))].filter(Boolean);
}

function problemWord({ code, employee, policy, message }, person) {
  const name = policy ?? person?.name ?? employee;
  return name && has(`mend.${code}`) ? t(`mend.${code}`, { name }) : message;
}

function answers() {
  return h('dl', { class: 'answers' }, ANSWERS.flatMap((meaning) => [
    h('dt', {}, t(`help.text.${meaning}`).split('; ').map((text) => h('code', {}, text))), h('dd', {}, t(`help.answer.${meaning}`))]));
}
