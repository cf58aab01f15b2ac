// The chart: everybody below their superior. Whoever is chosen is shown with what holds for them, and who would be told.

import { api, employeePath, get } from './api.js';
import { climbOf } from './climb.js';
import { openForm, subtree } from './employee-manager.js';
import { select } from './form.js';
import { t } from './i18n.js';
import { changesEmployees, load, on, store } from './store.js';
import { emptyState, filler, h, icon, sentence, showError, stateShape, stateWord } from './utils.js';

let chosen = null;
/** What was chosen for that person and not saved yet, and why it could not be saved: a chart that is drawn anew, as somebody else changed something, keeps both. */
const unsaved = new Map();
let refused = null;

function forget() {
  unsaved.clear();
  refused = null;
}
const opened = new Set();

on('left', forget);

export async function renderChart() {
  const [schedules, policies] = await Promise.all([get('/api/schedules'), get('/api/policies')]);
  if (store.employees.length === 0) return h('div', { class: 'panel' }, emptyState('network', t('employees.empty'), t('employees.empty.how')));
  const below = Map.groupBy([...store.employees].sort((a, b) => a.name.localeCompare(b.name)), (person) => person.supervisor ?? '');
  const known = new Set(store.employees.map((person) => person.id));
  const tops = store.employees.filter((person) => !person.supervisor || !known.has(person.supervisor)).sort((a, b) => a.name.localeCompare(b.name));
  const sizes = new Map();
  const size = (id) => {
    if (!sizes.has(id)) sizes.set(id, (below.get(id) ?? []).reduce((sum, person) => sum + 1 + size(person.id), 0));
    return sizes.get(id);
  };
  const side = h('aside', { class: 'panel person-side', 'aria-live': 'polite' });
  const choose = (person) => {
    if (chosen !== person.id) forget();
    chosen = person.id;
    for (const button of tree.querySelectorAll('[aria-current]')) button.removeAttribute('aria-current');
    tree.querySelector(`[data-employee="${CSS.escape(person.id)}"]`)?.setAttribute('aria-current', 'true');
    side.replaceChildren(...personSide(person, schedules, policies));
  };
  const node = (person) => {
    const people = below.get(person.id) ?? [];
    const status = store.status.get(person.id);
    const label = h('button', { class: 'node', type: 'button', data: { employee: person.id }, onclick: () => choose(person) },
      status ? stateShape(status.state) : '', h('span', { class: 'node-name' }, person.name),
      person.role_title && h('span', { class: 'muted' }, person.role_title),
      status && h('span', { class: 'sr-only' }, stateWord(status)));
    if (people.length === 0) return h('li', {}, h('div', { class: 'node-line leaf' }, label));
    const list = h('ul', { class: 'tree' });
    const toggle = h('button', { class: 'icon-button toggle', type: 'button', onclick: () => open(toggle.getAttribute('aria-expanded') === 'false') }, icon('chevron-right'));
    const open = (yes) => {
      toggle.setAttribute('aria-expanded', String(yes));
      const words = t(yes ? 'organisation.close' : 'organisation.open', { name: person.name });
      toggle.setAttribute('aria-label', words);
      toggle.title = words;
      if (yes) opened.add(person.id);
      else opened.delete(person.id);
      // A branch is made when it is opened: a company of thousands is a page of dozens.
      list.replaceChildren(...(yes ? people.map(node) : []));
    };
    open(opened.has(person.id));
    return h('li', {}, h('div', { class: 'node-line' }, toggle, label, h('span', { class: 'muted figures node-size', title: t('organisation.below', { n: size(person.id) }) }, String(size(person.id)))), list);
  };
  if (opened.size === 0) for (const person of tops) opened.add(person.id);
  const tree = h('ul', { class: 'tree panel chart', id: 'org-chart' }, tops.map(node));
  const first = store.employees.find((person) => person.id === chosen) ?? tops.find((person) => size(person.id) > 0) ?? tops[0];
  if (first) choose(first);
  return h('div', { class: 'split' }, tree, side);
}

function personSide(person, schedules, policies) {
  const failure = h('p', { class: 'error-line', role: 'alert', hidden: refused === null }, refused);
  const nobody = [['', '–']];
  // A closed choice changes with every arrow key; what is meant is said with the button.
  const save = h('button', { class: 'button small primary', type: 'button', hidden: true, data: { act: 'save' }, onclick: async () => {
    refused = null;
    showError(failure, null);
    save.disabled = true;
    const sent = changed().map((one) => [one.name, one.value]);
    try {
      await api('PATCH', employeePath(person.id), Object.fromEntries(sent.map(([name, value]) => [name, value || null])));
      for (const [name, value] of sent) if (unsaved.get(name) === value) unsaved.delete(name);
      await load('employees');
    } catch (error) {
      if (chosen === person.id) refused = sentence(error);
      // It may have been drawn anew meanwhile.
      const line = document.querySelector('.person-side .error-line');
      if (line) showError(line, refused);
    }
    save.disabled = false;
  } }, icon('check'), t('form.save'));
  const choices = [];
  const changed = () => choices.filter((one) => one.value !== (person[one.name] ?? ''));
  const choice = (key) => {
    const kept = options[key].some(([value]) => value === unsaved.get(key)) ? unsaved.get(key) : person[key];
    const made = select(key, kept, options[key], { onchange: () => {
      if (made.value === (person[key] ?? '')) unsaved.delete(key);
      else unsaved.set(key, made.value);
      save.hidden = changed().length === 0;
    } });
    choices.push(made);
    save.hidden = changed().length === 0;
    return made;
  };
  const under = subtree(person.id);
  const options = {
    supervisor: [['', t('employees.superior.none')], ...store.employees.filter((other) => !under.has(other.id))
      .sort((a, b) => a.name.localeCompare(b.name)).map((other) => [other.id, `${other.name} (${other.id})`])],
    schedule: [['', t('organisation.always')], ...schedules.map((one) => [one.name, one.name])],
    policy: [['', t('organisation.inherited')], ...policies.map((one) => [one.name, one.name])],
  };
  const row = (key, label) => h('label', { class: 'field' }, h('span', {}, label), changesEmployees()
    ? choice(key)
    : h('span', {}, (options[key] ?? nobody).find(([value]) => value === (person[key] ?? ''))?.[1] ?? person[key] ?? '–'));
  const climb = h('div', { class: 'help-part' });
  filler(climb)(() => climbOf(person));
  return [h('h2', {}, person.name, ' ', h('span', { class: 'muted' }, person.id)),
    person.phone ? h('p', { class: 'muted figures' }, person.phone) : under.size > 1 && h('p', { class: 'warn-line' }, icon('triangle-alert'), t('mend.no_phone', { name: person.name })),
    row('supervisor', t('employees.superior')), row('schedule', t('organisation.schedule')), row('policy', t('organisation.policy')), failure,
    changesEmployees() && h('div', { class: 'acts-row' }, save, h('button', { class: 'button small', type: 'button', onclick: () => openForm(person) }, icon('pencil'), t('employees.edit'))),
    h('h3', {}, t('organisation.example')), climb].filter(Boolean);
}
