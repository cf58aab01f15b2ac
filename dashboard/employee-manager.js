// The employees page: the list, adding and changing a person, and deleting one with proof that their
// template is gone from the devices. Enrolling a face is in enrolment.js.

import { api, employeePath, get, post } from './api.js';
import { newBadge, openBadge } from './badge.js';
import { openEnrolment } from './enrolment.js';
import { openImport } from './import.js';
import { t } from './i18n.js';
import { nameOf } from './people-picker.js';
import { areaName, changesEmployees, load, on, store } from './store.js';
import { dayOf, now } from './time.js';
import { afterPaint, byId, emptyState, h, icon, oncePerFrame, openDialog, redraw, sentence, setText, showError, stateShape, stateWord, throttle } from './utils.js';

const ERASE_POLL_MS = 1000;

/** Of thousands the first are shown, and more on demand: the search finds the others. */
const ROWS_AT_ONCE = 50;
const names = new Intl.Collator();

let search = '';
let limit = ROWS_AT_ONCE;
let view = null;

/** Fetches again what a change of the employees touches. */
export const reloadEmployees = () => load('employees', 'status', 'summary', 'notices');

export function startEmployees() {
  view = byId('view-employees');
  const render = oncePerFrame(() => {
    if (!view.hidden) renderTable();
  });
  on('me view', render);
  on('employees areas', throttle(500, render));
  on('status', throttle(1000, () => {
    if (!view.hidden) refreshStates();
  }));
  document.addEventListener('hadir:language', () => {
    view.replaceChildren();
    render();
  });
}

function renderFrame() {
  view.replaceChildren(
    h('div', { class: 'page-head' }, h('h1', {}, t('employees.title')), h('span', { class: 'muted figures', id: 'employee-count' }),
      h('label', { class: 'search' }, icon('search'),
        h('input', { id: 'employee-search', type: 'search', value: search, placeholder: t('employees.search'), 'aria-label': t('employees.search'),
          oninput: (event) => {
            search = event.target.value.trim();
            limit = ROWS_AT_ONCE;
            findSoon();
          } })),
      h('button', { class: 'button primary', id: 'employee-add', type: 'button', onclick: () => openForm(null) },
        icon('plus'), t('employees.add')),
      h('button', { class: 'button', id: 'employee-import', type: 'button', onclick: openImport }, icon('upload'), t('import.open'))),
    h('p', { class: 'muted', id: 'employee-readonly' }, t('employees.readonly')),
    h('div', { id: 'employee-table', class: 'panel table-panel' }));
}

/** Everybody by name, with what the search looks at: thousands are sorted when they change, not with every key. */
let sorted = { of: null, people: [] };

function inOrder() {
  if (sorted.of !== store.employees) {
    const people = store.employees.toSorted((a, b) => names.compare(a.name, b.name));
    sorted = { of: store.employees, people: people.map((person) => ({ person, text: `${person.name} ${person.id}`.toLowerCase() })) };
  }
  return sorted.people;
}

const findSoon = afterPaint(() => {
  if (!view.hidden) renderTable();
});

function renderTable() {
  if (!store.loaded.has('employees')) return;
  if (view.childElementCount === 0) renderFrame();
  byId('employee-add').hidden = !changesEmployees();
  byId('employee-import').hidden = !changesEmployees();
  byId('employee-readonly').hidden = changesEmployees();
  const text = search.toLowerCase();
  const people = inOrder().filter((one) => one.text.includes(text)).map((one) => one.person);
  setText(byId('employee-count'), t('employees.count', { n: store.employees.length }));
  const box = byId('employee-table');
  if (people.length === 0) {
    box.replaceChildren(store.employees.length === 0
      ? emptyState('users', t('employees.empty'), t('employees.empty.how'),
        changesEmployees() && h('button', { class: 'button primary', type: 'button', onclick: () => openForm(null) }, icon('plus'), t('employees.add')))
      : emptyState('search', t('tracking.noMatch'), ''));
    return;
  }
  const columns = ['name', 'state', 'superior', 'areas', 'phone', 'consent', 'photos'];
  redraw(box, h('table', { class: 'table' },
    h('thead', {}, h('tr', {}, columns.map((key) => h('th', { scope: 'col' }, t(`employees.${key}`))),
      changesEmployees() && h('th', {}, h('span', { class: 'sr-only' }, t('employees.edit'))))),
    h('tbody', {}, people.slice(0, limit).map(tableRow))),
  people.length > limit ? h('div', { class: 'table-more' }, h('button', { class: 'button wide', type: 'button', data: { act: 'more' }, onclick: () => {
    limit += ROWS_AT_ONCE;
    renderTable();
  } }, t('table.more', { n: Math.min(ROWS_AT_ONCE, people.length - limit), of: people.length - limit }))) : '');
}

const stateCell = (status) => (status ? h('span', { class: `state-word is-${status.state}` }, stateShape(status.state), stateWord(status)) : '–');

/** States change all the time; the rows stay. */
function refreshStates() {
  for (const row of view.querySelectorAll('#employee-table tbody tr')) {
    const cell = row.querySelector('.cell-state');
    const fresh = stateCell(store.status.get(row.dataset.employee));
    if (cell.firstChild?.className !== fresh.className || cell.textContent !== (fresh.textContent ?? fresh)) cell.replaceChildren(fresh);
  }
}

function tableRow(person) {
  const status = store.status.get(person.id);
  const cell = (key, ...content) => h('td', { 'data-label': t(`employees.${key}`), class: `cell-${key}` }, ...content);
  const act = (name, symbol, run) => h('button', { class: 'button small', type: 'button', data: { act: name }, onclick: run,
    'aria-label': t('employees.for', { action: t(`employees.${name}`), name: person.name }), title: t(`employees.${name}`) },
  icon(symbol), name === 'enrol' && t('employees.enrol'));
  return h('tr', { data: { employee: person.id } },
    h('th', { scope: 'row', class: 'cell-name' }, person.name, h('span', { class: 'id muted' }, person.id)),
    cell('state', stateCell(status)),
    cell('superior', person.supervisor ? nameOf(person.supervisor) : '–'),
    cell('areas', (person.areas ?? []).length ? person.areas.map(areaName).join(', ') : t('employees.areas.all')),
    cell('phone', h('span', { class: 'figures' }, person.phone ?? '–')),
    cell('consent', person.consent ? dayOf(Date.parse(person.consent)) : t('employees.consent.none')),
    cell('photos', person.photos > 0 ? t('employees.photos.count', { n: person.photos }) : t('employees.photos.none')),
    changesEmployees() && h('td', { class: 'cell-acts' }, h('div', { class: 'acts' },
      act('enrol', 'scan-face', () => openEnrolment(person.id, openForm)),
      act('badge', 'qr-code', () => openBadge(person)),
      act('edit', 'pencil', () => openForm(person)),
      act('delete', 'trash-2', () => openDelete(person)))));
}

/** A choice of what has a name; what somebody has stays in it. */
function choice(name, value, none, all) {
  const names = [...new Set([...all.map((one) => one.name), value].filter(Boolean))];
  return h('select', { name }, h('option', { value: '' }, none), names.map((one) => h('option', { value: one, selected: one === value }, one)));
}

/** Everybody below somebody, who therefore cannot become their superior. */
export function subtree(id) {
  const below = new Set([id]);
  for (let grown = true; grown;) {
    grown = false;
    for (const person of store.employees) {
      if (person.supervisor && below.has(person.supervisor) && !below.has(person.id)) {
        below.add(person.id);
        grown = true;
      }
    }
  }
  return below;
}

/** The form to add a person (`null`) or to change one. */
export async function openForm(person) {
  // What can be chosen; without it the form keeps what the person has.
  const [schedules, policies] = await Promise.all(['/api/schedules', '/api/policies'].map((path) => get(path).catch(() => [])));
  const barred = person ? subtree(person.id) : new Set();
  const errors = {};
  const field = (name, label, input, hint) => {
    errors[name] = h('span', { class: 'error-line', id: `error-${name}`, hidden: true });
    input.setAttribute('aria-describedby', `error-${name}`);
    return h('label', { class: 'field' }, h('span', {}, label), input, hint && h('span', { class: 'hint' }, hint), errors[name]);
  };
  const input = {
    name: h('input', { name: 'name', maxlength: '100', required: true, autocomplete: 'off', value: person?.name ?? '' }),
    id: h('input', { name: 'id', maxlength: '64', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'characters', value: person?.id ?? '', readonly: person !== null }),
    supervisor: h('select', { name: 'supervisor' }, h('option', { value: '' }, t('employees.superior.none')),
      store.employees.filter((other) => !barred.has(other.id)).sort((a, b) => a.name.localeCompare(b.name))
        .map((other) => h('option', { value: other.id, selected: other.id === person?.supervisor }, `${other.name} (${other.id})`))),
    phone: h('input', { name: 'phone', type: 'tel', autocomplete: 'off', maxlength: '32', value: person?.phone ?? '' }),
    email: h('input', { name: 'email', type: 'email', autocomplete: 'off', maxlength: '254', value: person?.email ?? '' }),
    role_title: h('input', { name: 'role_title', autocomplete: 'off', maxlength: '100', value: person?.role_title ?? '' }),
    badge: h('input', { name: 'badge', autocomplete: 'off', spellcheck: 'false', maxlength: '64', value: person?.badge ?? '' }),
    schedule: choice('schedule', person?.schedule, t('organisation.always'), schedules),
    policy: choice('policy', person?.policy, t('organisation.inherited'), policies),
    language: h('select', { name: 'language' },
      [['id', 'Bahasa Indonesia'], ['en', 'English']].map(([code, word]) => h('option', { value: code,
        selected: code === (person?.language ?? store.me.site.language) }, word))),
    consent: h('input', { name: 'consent', type: 'checkbox', checked: Boolean(person?.consent) }),
  };
  const areas = store.areas.map((area) => h('input', { type: 'checkbox', name: 'area', value: area.id, checked: person?.areas?.includes(area.id) }));
  const withdrawal = h('p', { class: 'warn-line', hidden: true }, t('form.consent.withdraw', { n: person?.photos ?? 0 }));
  input.consent.addEventListener('change', () => { withdrawal.hidden = input.consent.checked || !(person?.photos > 0); });
  const failure = h('p', { class: 'error-line', role: 'alert', hidden: true });
  const save = h('button', { class: 'button primary' }, t('form.save'));
  errors.consent = h('span', { class: 'error-line', hidden: true });
  errors.areas = h('span', { class: 'error-line', hidden: true });

  const form = h('form', { class: 'form', novalidate: true },
    field('name', t('employees.name'), input.name),
    h('div', { class: 'form-pair' },
      field('id', t('employees.id'), input.id, person === null && t('form.id.hint')),
      field('supervisor', t('employees.superior'), input.supervisor)),
    h('div', { class: 'form-pair' },
      field('role_title', t('form.role'), input.role_title),
      field('schedule', t('organisation.schedule'), input.schedule)),
    store.areas.length > 0 && h('fieldset', { class: 'field' }, h('legend', {}, t('employees.areas')),
      h('div', { class: 'checks' }, areas.map((box, index) => h('label', { class: 'check' }, box, store.areas[index].name))),
      h('span', { class: 'hint' }, t('form.areas.hint')), errors.areas),
    h('div', { class: 'form-pair' },
      field('phone', t('employees.phone'), input.phone, t('form.phone.hint')),
      field('email', t('form.email'), input.email, t('form.email.hint'))),
    h('div', { class: 'form-pair' },
      field('language', t('form.language'), input.language),
      field('policy', t('organisation.policy'), input.policy)),
    h('div', { class: 'field' }, field('badge', t('form.badge'), input.badge, t('form.badge.hint')),
      h('button', { class: 'button small', type: 'button', data: { act: 'new-badge' }, onclick: () => { input.badge.value = newBadge(); } }, icon('qr-code'), t('badge.make'))),
    h('div', { class: 'field' }, h('label', { class: 'check' }, input.consent, t('form.consent')),
      h('span', { class: 'hint' }, person?.consent ? t('form.consent.since', { date: dayOf(Date.parse(person.consent)) }) : t('form.consent.hint')),
      withdrawal, errors.consent),
    failure,
    h('div', { class: 'dialog-acts' }, h('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, t('form.cancel')), save));
  const dialog = openDialog(person ? t('form.edit', { name: person.name }) : t('form.add'), form);

  const read = () => ({
    name: input.name.value.trim(),
    supervisor: input.supervisor.value || null,
    areas: areas.filter((box) => box.checked).map((box) => box.value),
    phone: input.phone.value.trim() || null,
    email: input.email.value.trim() || null,
    role_title: input.role_title.value.trim() || null,
    badge: input.badge.value.trim() || null,
    schedule: input.schedule.value || null,
    policy: input.policy.value || null,
    language: input.language.value,
    consent: input.consent.checked ? (person?.consent ?? new Date(now()).toISOString()) : null,
  });
  const blame = (name, text) => {
    showError(errors[name], text);
    input[name]?.setAttribute('aria-invalid', 'true');
    input[name]?.focus();
  };

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    for (const line of [...Object.values(errors), failure]) showError(line, null);
    for (const control of Object.values(input)) control.removeAttribute('aria-invalid');
    const body = read();
    if (body.name === '' || [...body.name].length > 100) return blame('name', t('form.name.missing'));
    if (body.phone && !/^\+?[\d\s().-]+$/.test(body.phone)) return blame('phone', t('form.phone.wrong'));
    save.disabled = true;
    try {
      if (person === null) {
        if (input.id.value.trim()) body.id = input.id.value.trim();
        await post('/api/employees', body);
      } else {
        if (person.consent && !body.consent && person.photos > 0) await api('DELETE', employeePath(person.id, '/photos'));
        const changed = Object.fromEntries(Object.entries(body)
          .filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(person[key] ?? null)));
        if (Object.keys(changed).length > 0) await api('PATCH', employeePath(person.id), changed);
      }
      dialog.close();
      await reloadEmployees();
    } catch (error) {
      save.disabled = false;
      const text = error.code === 'conflict' && error.field === 'id' ? t('form.id.taken') : sentence(error);
      if (error.field && errors[error.field]) blame(error.field, text);
      else showError(failure, text);
    }
  });
  input.name.focus();
}

function openDelete(person) {
  const reports = store.employees.filter((other) => other.supervisor === person.id).length;
  const templates = t('delete.templates', { n: person.photos ?? 0 });
  const typed = h('input', { name: 'confirm', autocomplete: 'off', spellcheck: 'false' });
  const failure = h('p', { class: 'error-line', role: 'alert', hidden: true });
  const confirm = h('button', { class: 'button danger', disabled: true }, icon('trash-2'), t('delete.confirm'));
  typed.addEventListener('input', () => { confirm.disabled = typed.value.trim() !== person.name.trim(); });
  const form = h('form', { class: 'form' },
    h('p', {}, t('delete.what', { name: person.name, templates })),
    person.photos > 0 && store.agents.length > 0 && h('p', {}, t('delete.devices', { n: store.agents.length })),
    reports > 0 && h('p', {}, t('delete.reports', { n: reports,
      superior: person.supervisor ? nameOf(person.supervisor) : t('delete.reports.top') })),
    h('p', {}, h('strong', {}, t('delete.final'))),
    h('label', { class: 'field' }, h('span', {}, t('delete.type', { name: person.name })), typed),
    failure,
    h('div', { class: 'dialog-acts' }, h('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, t('form.cancel')), confirm));
  const dialog = openDialog(t('delete.title', { name: person.name }), form);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (confirm.disabled) return;
    confirm.disabled = true;
    try {
      const result = await api('DELETE', employeePath(person.id));
      const count = t('delete.templates', { n: result.templates });
      form.replaceChildren(
        h('p', { class: 'good-line', role: 'status' }, icon('circle-check'), t('delete.done', { name: person.name, templates: count })),
        result.templates > 0 ? eraseProgress(result.gallery_version) : h('p', {}, t('delete.noTemplates')),
        h('div', { class: 'dialog-acts' }, h('button', { class: 'button primary', type: 'button', onclick: () => dialog.close() }, t('form.close'))));
      form.querySelector('button').focus();
      await reloadEmployees();
    } catch (error) {
      confirm.disabled = false;
      showError(failure, sentence(error));
    }
  });
  typed.focus();
}

/** Shows, for as long as it is on the page, which devices run the gallery without the erased templates. */
export function eraseProgress(version) {
  const line = h('p', { role: 'status', class: 'erase-line' });
  const devices = h('ul', { class: 'erase-devices' });
  const box = h('div', { class: 'erase' }, line, devices);
  const step = async () => {
    if (box.isConnected) {
      try {
        const agents = await get('/api/agents');
        const gone = (agent) => agent.gallery_version >= version;
        const done = agents.filter(gone).length;
        const key = agents.length === 0 ? 'none' : done === agents.length ? 'complete' : 'progress';
        setText(line, t(`erase.${key}`, { done, n: agents.length }));
        devices.replaceChildren(...agents.map((agent) => {
          const state = gone(agent) ? 'done' : agent.online ? 'waiting' : 'offline';
          return h('li', { class: `erase-${state}` }, icon(gone(agent) ? 'circle-check' : 'hourglass'),
            h('span', {}, agent.id), h('span', { class: 'muted' }, t(`erase.device.${state}`)));
        }));
        if (key !== 'progress') return;
      } catch (error) {
        setText(line, t('error.load', { message: sentence(error) }));
      }
    } else if (devices.childElementCount > 0) {
      return;
    }
    setTimeout(step, ERASE_POLL_MS);
  };
  setTimeout(step, 50);
  return box;
}
