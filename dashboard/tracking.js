// The tracking panel: every registered employee, their state, where and how long ago they were seen.
// Rows are sorted by urgency, but stand still while the pointer or the keyboard is among them.

import { camera, cameraName, stopTracking, track } from './camera-manager.js';
import { currentLanguage, t } from './i18n.js';
import { areaName, changesEmployees, on, seesPeople, sortByUrgency, store } from './store.js';
import { ago, duration, exactTime, now } from './time.js';
import { arrange, byId, emptyState, h, icon, oncePerFrame, setIcon, setText, stateShape, stateWord } from './utils.js';

const STATES = ['absent', 'off', 'unknown', 'available', 'exempt'];

const filter = { text: '', area: '', state: '', team: '' };
let list = null;
let pointerOver = false;

const fold = (text) => text.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '');
/** Names as they are searched; of thousands each is made once. */
const folds = new Map();

function folded(name) {
  if (!folds.has(name)) folds.set(name, fold(name));
  return folds.get(name);
}

const matches = (row) => (filter.text === '' || folded(row.name).includes(filter.text))
  && (filter.area === '' || row.area === filter.area)
  && (filter.state === '' || row.state === filter.state)
  && (filter.team === '' || team.has(row.employee));

/** Who is directly below the chosen superior. */
let team = new Set();

function setTeam(id) {
  filter.team = id;
  team = new Set(store.employees.filter((person) => person.supervisor === id).map((person) => person.id));
}

/** Whether somebody was last known by their body, and their face is worth telling of: it was seen half a minute before or earlier. */
const byBody = (row) => row.basis === 'body' && row.verified_at && Date.parse(row.last_seen) - Date.parse(row.verified_at) >= 30_000;

function makeRow() {
  const name = h('span', { class: 'row-name' });
  const state = h('span', { class: 'row-state figures' });
  const cam = h('span', { class: 'row-camera' });
  const seen = h('time', { class: 'row-seen' });
  const exact = h('span', { class: 'sr-only' });
  const button = h('button', { class: 'button small locate', type: 'button',
    onclick: () => {
      const { employee } = row.dataset;
      if (store.tracked === employee) stopTracking();
      else track(employee);
    } }, icon('locate-fixed'), h('span'));
  const row = h('li', { class: 'row' }, stateShape('unknown'),
    h('div', { class: 'row-top' }, name, state),
    h('div', { class: 'row-sub' }, cam, h('span', { class: 'row-clock' }, icon('clock', 'icon tiny'), seen, exact)), button);
  row.parts = { shape: row.firstElementChild, name, state, cam, seen, exact, button };
  return row;
}

function fillRow(item, row) {
  const { shape, name, state, cam, seen, exact, button } = item.parts;
  if (item.dataset.employee !== row.employee) {
    item.dataset.employee = row.employee;
    item.classList.remove('found');
  }
  if (item.dataset.state !== row.state) item.dataset.state = row.state;
  item.classList.toggle('tracked-row', store.tracked === row.employee);
  if (shape.getAttribute('class') !== `shape is-${row.state}`) shape.setAttribute('class', `shape is-${row.state}`);
  setIcon(shape, `state-${row.state}`);
  setText(name, row.name);
  state.className = `row-state figures is-${row.state}`;
  setText(state, stateWord(row));
  const number = row.camera_number ?? null;
  const place = row.camera ? `${number === null ? cameraName(row.camera) : camera(number)} · ${row.camera_label ?? areaName(row.area)}` : '';
  setText(cam, place);
  if (row.last_seen) {
    const at = Date.parse(row.last_seen);
    // Dates in words take time; most rows are filled again as they were.
    const words = `${row.last_seen} ${row.basis} ${row.verified_at} ${currentLanguage()}`;
    if (item.parts.words !== words) {
      item.parts.words = words;
      seen.dateTime = row.last_seen;
      seen.title = t('tracking.lastSeen', { time: exactTime(at) });
      // Whoever turned their back is there by their body; when their face said so, the tooltip tells.
      if (byBody(row)) seen.title += `\n${t('tracking.lastFace', { time: exactTime(Date.parse(row.verified_at)) })}`;
      setText(exact, seen.title);
    }
    setText(seen, byBody(row) ? t('tracking.byBody', { ago: ago(at), face: duration(Math.max(0, Math.round((now() - Date.parse(row.verified_at)) / 1000))) }) : ago(at));
  } else {
    item.parts.words = null;
    seen.removeAttribute('datetime');
    seen.title = '';
    setText(exact, '');
    // Whoever has no face photo cannot be seen: the reason says more than the fact.
    setText(seen, row.enrolled === false ? t('tracking.noFace') : t('time.never'));
  }
  button.disabled = !row.camera;
  button.setAttribute('aria-pressed', String(store.tracked === row.employee));
  const label = row.camera
    ? t('tracking.locate.title', { name: row.name, camera: place })
    : t('tracking.locate.never', { name: row.name });
  button.title = label;
  button.setAttribute('aria-label', `${t('tracking.locate')}: ${label}`);
  setText(button.lastElementChild, t('tracking.locate'));
}

/** Whether the rows have to stay where they are. */
const held = () => pointerOver || list.querySelector(':focus-visible') !== null;

/** Of more rows than this only those in sight are made. */
const ALL_ROWS = 60;
/** Rows beyond what is in sight, above and below. */
const BEYOND = 10;
/** Under load the order is worked out this often at most. */
const ORDER_MS = 400;

/** Who is listed, in order. */
let order = [];
let orderedAt = 0;
let rowHeight = 57;

/** Works the order out; rows that are held stay where they are, and new ones come last. */
function sortRows() {
  const wanted = [...store.status.values()].filter(matches);
  if (held()) {
    const left = new Map(wanted.map((row) => [row.employee, row]));
    const kept = order.filter((id) => left.delete(id));
    order = [...kept, ...left.keys()];
  } else {
    order = sortByUrgency(wanted).map((row) => row.employee);
  }
  orderedAt = performance.now();
}

/** What scrolls the list: itself, or on a phone the page. */
function scroller() {
  for (let box = list; box; box = box.parentElement) {
    if (['auto', 'scroll'].includes(getComputedStyle(box).overflowY)) return box;
  }
  return document.scrollingElement;
}

/** Which part of the list is in sight: the list scrolls by itself, or on a phone with the page. */
function inSight() {
  if (order.length <= ALL_ROWS) return [0, order.length];
  const own = scroller() === list;
  const top = own ? list.scrollTop : Math.max(0, -list.getBoundingClientRect().top);
  const tall = own ? list.clientHeight : innerHeight;
  const first = Math.max(0, Math.floor(top / rowHeight) - BEYOND);
  return [first, Math.min(order.length, Math.ceil((top + tall) / rowHeight) + BEYOND)];
}

function renderRows() {
  sortRows();
  renderWindow();
}

/** Makes and fills the rows in sight; the rest is empty room. */
function renderWindow() {
  order = order.filter((id) => store.status.has(id));
  const [first, last] = inSight();
  const kept = new Map([...list.children].map((item) => [item.dataset.employee, item]));
  const ids = order.slice(first, last);
  const wanted = new Set(ids);
  // The rows of those who are out of sight are used again: making rows is what takes the time.
  const spare = [...kept].filter(([id, item]) => !wanted.has(id) && !item.contains(document.activeElement)).map(([, item]) => item);
  const items = ids.map((id, index) => {
    const item = kept.get(id) ?? spare.pop() ?? makeRow();
    fillRow(item, store.status.get(id));
    item.setAttribute('aria-setsize', String(order.length));
    item.setAttribute('aria-posinset', String(first + index + 1));
    return item;
  });
  arrange(list, items);
  if (items.length > 0 && order.length > ALL_ROWS) rowHeight = items[0].offsetHeight || rowHeight;
  list.style.setProperty('--above', `${first * rowHeight}px`);
  list.style.setProperty('--below', `${(order.length - last) * rowHeight}px`);
  renderEmpty(order.length);
}

function renderEmpty(shown) {
  const box = byId('tracking-empty');
  box.hidden = shown > 0;
  list.hidden = shown === 0;
  if (shown > 0) return;
  if (seesPeople() && !store.loaded.has('status')) {
    box.replaceChildren();
    return;
  }
  let content;
  if (!seesPeople()) content = emptyState('lock', t('tracking.title'), t('tracking.notYours'));
  else if (store.status.size > 0) {
    content = emptyState('search', t('tracking.noMatch'), '',
      h('button', { class: 'button', type: 'button', onclick: resetFilters }, t('tracking.reset')));
  } else {
    content = emptyState('users', t('tracking.empty'), t('tracking.empty.how'),
      changesEmployees() && h('a', { class: 'button primary', href: '#/employees' }, t('tracking.empty.go')));
  }
  box.replaceChildren(content);
}

function renderSummary() {
  const box = byId('summary');
  const { summary } = store;
  const tiles = [['present', 'available'], ['absent', 'absent'], ['total', '']];
  if (box.childElementCount === 0) {
    box.append(...tiles.map(([key, state]) => h('button', { class: 'tile', type: 'button', data: { key }, onclick: () => setState(state) },
      h('span', { class: 'tile-number figures' }), ' ', h('span', { class: 'tile-label' }))));
  }
  tiles.forEach(([key, state], index) => {
    const tile = box.children[index];
    const n = summary ? String(summary[key]) : '–';
    const label = t(`summary.${key}`);
    setText(tile.children[0], n);
    setText(tile.children[1], label);
    tile.setAttribute('aria-label', t('summary.filter', { label, n }));
    tile.setAttribute('aria-pressed', String(filter.state === state));
    tile.classList.toggle('urgent', key === 'absent' && summary?.absent > 0);
  });
  const rest = summary
    ? ['off', 'unknown', 'exempt'].filter((key) => summary[key] > 0).map((key) => `${t(`state.${key}`)} ${summary[key]}`).join(' · ')
    : '';
  setText(byId('summary-rest'), rest);
}

function setState(state) {
  filter.state = state;
  byId('tracking-state').value = state;
  renderRows();
  renderSummary();
}

function resetFilters() {
  Object.assign(filter, { text: '', area: '', state: '', team: '' });
  byId('tracking-search').value = '';
  byId('tracking-area').value = '';
  byId('tracking-team').value = '';
  setState('');
}

function renderFilters() {
  byId('tracking-area').replaceChildren(h('option', { value: '' }, t('tracking.area.all')),
    ...store.areas.map((area) => h('option', { value: area.id }, area.name)));
  if (!store.areas.some((area) => area.id === filter.area)) filter.area = '';
  byId('tracking-area').value = filter.area;
  const superiors = new Set(store.employees.map((person) => person.supervisor));
  const teams = store.employees.filter((person) => superiors.has(person.id)).sort((a, b) => a.name.localeCompare(b.name));
  byId('tracking-team').replaceChildren(h('option', { value: '' }, t('tracking.team.all')),
    ...teams.map((person) => h('option', { value: person.id }, t('who.team.of', { name: person.name }))));
  setTeam(teams.some((person) => person.id === filter.team) ? filter.team : '');
  byId('tracking-team').value = filter.team;
  byId('tracking-state').replaceChildren(h('option', { value: '' }, t('tracking.state.all')),
    ...STATES.map((state) => h('option', { value: state }, t(`state.${state}`))));
  byId('tracking-state').value = filter.state;
}

/** Brings an employee's row into view and marks it for a moment. */
export function jumpTo(employee) {
  resetFilters();
  const place = order.indexOf(employee);
  if (place >= 0 && order.length > ALL_ROWS) {
    const room = scroller();
    const above = room === list ? 0 : list.getBoundingClientRect().top - room.getBoundingClientRect().top + room.scrollTop;
    room.scrollTop = Math.max(0, above + (place - 3) * rowHeight);
    renderWindow();
  }
  const row = list.querySelector(`[data-employee="${CSS.escape(employee)}"]`);
  if (!row) return;
  row.scrollIntoView({ block: 'center' });
  row.classList.add('found');
  setTimeout(() => row.classList.remove('found'), 2500);
  row.parts.button.focus({ preventScroll: true });
}

export function startTracking() {
  list = byId('tracking-list');
  let later = 0;
  /** At once where few change; under load now and then, and what is in sight meanwhile. */
  const render = oncePerFrame(() => {
    if (byId('view-live').hidden) return;
    const wait = orderedAt + ORDER_MS - performance.now();
    if (store.status.size <= ALL_ROWS || wait <= 0) {
      clearTimeout(later);
      later = 0;
      renderRows();
    } else {
      later ||= setTimeout(() => {
        later = 0;
        render();
      }, wait);
    }
  });
  const scrolled = oncePerFrame(renderWindow);
  // Whatever of the page scrolls.
  addEventListener('scroll', scrolled, { passive: true, capture: true });
  on('view', render);
  list.addEventListener('pointerenter', (event) => { pointerOver = event.pointerType === 'mouse'; });
  list.addEventListener('pointerleave', () => {
    pointerOver = false;
    render();
  });
  list.addEventListener('focusout', render);
  byId('tracking-search').addEventListener('input', (event) => {
    filter.text = fold(event.target.value.trim());
    renderRows();
  });
  byId('tracking-area').addEventListener('change', (event) => {
    filter.area = event.target.value;
    renderRows();
  });
  byId('tracking-team').addEventListener('change', (event) => {
    setTeam(event.target.value);
    renderRows();
  });
  byId('tracking-state').addEventListener('change', (event) => setState(event.target.value));
  on('status tracked cameras me', render);
  on('me', () => {
    for (const part of [byId('summary'), byId('summary-rest'), list.parentElement.querySelector('.filters')]) part.hidden = !seesPeople();
  });
  on('summary', renderSummary);
  on('areas employees', () => {
    renderFilters();
    render();
  });
  document.addEventListener('hadir:language', () => {
    renderFilters();
    renderSummary();
    render();
  });
  renderFilters();
  renderSummary();
  // Time passes by itself; the texts follow once a second.
  setInterval(() => {
    render();
  }, 1000);
}
