// Of whom a report or a chart is: everybody, a superior's team, everybody below them, or one employee.

import { t } from './i18n.js';
import { store } from './store.js';
import { h } from './utils.js';

const KINDS = ['', 'team', 'below', 'employee'];
const label = (person) => `${person.name} (${person.id})`;

/** What an address says: `{ kind, id }`. */
export function pickedFrom(params) {
  const kind = KINDS.find((one) => one !== '' && params.get(one));
  return kind ? { kind, id: params.get(kind) } : { kind: '', id: null };
}

/** For an address or a request: `{ team: 'EMP002' }`. */
export const pickedParams = ({ kind, id }) => (kind && id ? { [kind]: id } : {});

/** Made once for each list of employees: a table of a hundred asks a hundred times. */
let named = { of: null, names: new Map() };

export function nameOf(id) {
  if (named.of !== store.employees) named = { of: store.employees, names: new Map(store.employees.map((person) => [person.id, person.name])) };
  return named.names.get(id) ?? id;
}

/** In words: "Tim Sari". */
export function pickedName({ kind, id }) {
  if (!kind || !id) return t('who.everybody');
  return kind === 'employee' ? nameOf(id) : t(`who.${kind}.of`, { name: nameOf(id) });
}

/** The two fields; calls back with `{ kind, id }` when somebody was chosen. */
export function peoplePicker(picked, onpick) {
  let { kind } = picked;
  const superiors = new Set(store.employees.map((person) => person.supervisor).filter(Boolean));
  const people = (of) => store.employees.filter((person) => of === 'employee' || superiors.has(person.id))
    .sort((a, b) => a.name.localeCompare(b.name));
  const listId = `people-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
  const list = h('datalist', { id: listId });
  const choose = h('select', { class: 'who-kind', 'aria-label': t('who.label'), onchange: () => {
    kind = choose.value;
    person.value = '';
    fill();
    if (kind === '' && picked.kind !== '') onpick({ kind: '', id: null });
  } }, KINDS.map((one) => h('option', { value: one, selected: one === kind }, t(`who.${one || 'everybody'}`))));
  const person = h('input', { class: 'who-person', list: listId, autocomplete: 'off', placeholder: t('who.name'), 'aria-label': t('who.name'),
    value: picked.id ? label({ id: picked.id, name: nameOf(picked.id) }) : '', onchange: () => {
      const text = person.value.trim().toLocaleLowerCase();
      const all = people(kind);
      const found = all.find((one) => label(one).toLocaleLowerCase() === text || one.id.toLocaleLowerCase() === text)
        ?? all.find((one) => text !== '' && label(one).toLocaleLowerCase().includes(text));
      person.setAttribute('aria-invalid', String(!found));
      if (found) {
        person.value = label(found);
        onpick({ kind, id: found.id });
      }
    } });
  function fill() {
    person.hidden = kind === '';
    list.replaceChildren(...(kind === '' ? [] : people(kind).map((one) => h('option', { value: label(one) }))));
  }
  fill();
  return h('div', { class: 'who' }, choose, person, list);
}
