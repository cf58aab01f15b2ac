// The devices page: cameras and the devices beside them, as they report themselves.

import { api } from './api.js';
import { camera } from './camera-manager.js';
import { problemOf } from './device-problem.js';
import { field, formDialog, input, select } from './form.js';
import { has, t, word } from './i18n.js';
import { setAsideWords } from './set-aside-words.js';
import { areaName, cameraById, changesEmployees, load, on, seesDevices, seesSetAside, store } from './store.js';
import { table as plainTable } from './table.js';
import { ago, exactTime } from './time.js';
import { byId, emptyState, h, icon, oncePerFrame, openDialog, redraw, throttle } from './utils.js';

/** Devices send no event of their own; while the page is shown they are asked this often. */
const POLL_MS = 5000;

let view = null;

export function startDevices() {
  view = byId('view-devices');
  const render = oncePerFrame(() => {
    if (!view.hidden) renderPage();
    // Thousands of cells take memory that nobody looks at.
    else view.replaceChildren();
  });
  on('me view', render);
  on('agents setAside badgeConflicts cameras areas', throttle(1000, render));
  document.addEventListener('hadir:language', render);
  setInterval(() => {
    if (view.hidden || document.hidden || !seesDevices()) return;
    const topics = ['agents'];
    if (seesSetAside()) topics.push('setAside');
    if (changesEmployees()) topics.push('badgeConflicts');
    load(...topics).catch(() => {});
  }, POLL_MS);
}

const moment = (text) => (text ? h('time', { datetime: text, title: exactTime(Date.parse(text)) }, ago(Date.parse(text))) : '–');

const lamp = (good, text) => h('span', { class: `lamp ${good ? 'good' : 'bad'}` }, icon(good ? 'circle-check' : 'triangle-alert'), text);

/** A table whose columns are named by keys. */
const table = (keys, rows) => {
  shown[keys[0]] ??= {};
  return plainTable(keys.map((key, index) => ({ label: key === '' ? '' : t(key), className: key === '' ? 'cell-acts' : null, cell: (cells) => cells[index] })), rows, { shown: shown[keys[0]] });
};

/** How many rows of each table are open. */
const shown = {};

/** More than this between two clocks, and times look wrong to people. */
const CLOCK_OFF_MS = 5000;

const cameraName = (id) => (cameraById(id) ? camera(cameraById(id).number) : id);

/** What somebody has to look into; not there while there is nothing. */
function oddities() {
  const parts = [];
  if (changesEmployees() && store.badgeConflicts.length > 0) {
    parts.push(h('h2', {}, t('devices.badgeConflicts')), h('p', { class: 'muted' }, t('devices.badgeConflicts.how')),
      table(['devices.badgeOf', 'devices.when', 'devices.shownAt', 'devices.seenAt'], store.badgeConflicts.map((conflict) => [
        conflict.name, exactTime(Date.parse(conflict.shown_at)), cameraName(conflict.camera), cameraName(conflict.other),
      ])));
  }
  if (seesSetAside() && store.setAside.length > 0) {
    parts.push(h('h2', {}, t('devices.setAside')), h('p', { class: 'muted' }, t('devices.setAside.how')),
      table(['devices.agent', 'devices.setAside.reason', 'devices.setAside.count', 'devices.setAside.last'], store.setAside.map((entry) => [
        entry.agent, setAsideWords(entry.reason), String(entry.count), moment(entry.at),
      ])));
  }
  return parts;
}

const decimals = { too_small: 0, turned_away: 0, blurred: 1 };

/** What a camera did not use, the most frequent reason first, with the last figure behind it. */
function rejections({ rejected, measured, unknown_tracks: unknown }) {
  const reasons = Object.entries(rejected).sort(([, a], [, b]) => b - a).slice(0, 4);
  if (reasons.length === 0) return unknown > 0 ? t('devices.unknownTracks', { n: unknown }) : '–';
  return h('ul', { class: 'reasons' },
    reasons.map(([reason, count]) => {
      const figure = Object.hasOwn(measured, reason) ? measured[reason] : null;
      const digits = Object.hasOwn(decimals, reason) ? decimals[reason] : 2;
      const figures = figure && { last: figure.last.toFixed(digits), limit: figure.limit.toFixed(digits) };
      const behind = figure && has(`rejected.${reason}.measured`) && t(`rejected.${reason}.measured`, figures);
      // An agent may be newer than this page.
      const name = word('rejected', reason);
      return h('li', {}, `${count} × ${name}`, behind && h('span', { class: 'muted' }, ` ${behind}`));
    }),
    unknown > 0 && h('li', {}, t('devices.unknownTracks', { n: unknown })));
}

/** What the last check of its mounting found. */
function placement(found) {
  if (!found) return h('span', { class: 'muted', title: t('devices.placement.how') }, t('devices.placement.never'));
  const good = found.wrong.length === 0;
  const said = [good ? t('devices.placement.good') : found.wrong.map((what) => word('placement', what)).join(', ')];
  if (found.eyes !== null) said.push(t('devices.placement.eyes', { n: Math.round(found.eyes) }));
  return h('span', { title: t('devices.placement.how') }, lamp(good, said.join(' · ')), ' ', h('span', { class: 'muted' }, moment(found.at)));
}

const MODES = ['recognise', 'count', 'off'];

const editCamera = (entry) => h('button', { class: 'button small', type: 'button', data: { act: 'edit-camera', camera: entry.id },
  'aria-label': t('employees.for', { action: t('employees.edit'), name: `${camera(entry.number)} ${entry.label}` }), onclick: () => openCamera(entry) }, icon('pencil'));

/** Another name, another use. */
function openCamera(shown) {
  // As it is now, which the page may be about to show.
  const current = () => cameraById(shown.id) ?? shown;
  const entry = current();
  formDialog(t('devices.camera.edit', { camera: `${camera(entry.number)} · ${entry.label}` }), [
    field(t('devices.label'), input('label', entry.label, { maxlength: 100 }), t('devices.label.hint', { name: entry.device_label })),
    field(t('devices.mode'), select('mode', entry.mode, MODES.map((mode) => [mode, t(`devices.mode.${mode}`)])), t('devices.mode.hint')),
  ], async (form) => {
    const { label, mode } = form.elements;
    const name = label.value.trim();
    const patch = {};
    if (name !== entry.label) patch.label = name === '' || name === entry.device_label ? null : name;
    if (mode.value !== current().mode) patch.mode = mode.value;
    if (Object.keys(patch).length > 0) await api('PATCH', `/api/cameras/${encodeURIComponent(entry.id)}`, patch);
    await load('cameras');
  });
}

/** How a broken unit is replaced, with the commands for this very one. */
function openReplace(agent) {
  const command = (text) => h('pre', { class: 'command' }, h('code', {}, text));
  openDialog(t('devices.replace.title', { agent }), h('div', { class: 'form' }, h('ol', { class: 'steps' },
    h('li', {}, t('devices.replace.revoke'), command(`rm SITE_DIR/devices/${agent}.toml`)),
    h('li', {}, t('devices.replace.add'), command(`hadir-provision device add --dir SITE_DIR ${agent}`)),
    h('li', {}, t('devices.replace.copy')),
    h('li', {}, t('devices.replace.check'), command('hadir-agent doctor')))));
}

function clock(offset) {
  if (offset === null) return '–';
  const off = Math.abs(offset) > CLOCK_OFF_MS;
  return off ? lamp(false, t('devices.clock.wrong', { n: Math.round(Math.abs(offset) / 1000) })) : `${offset} ms`;
}

function renderPage() {
  if (!store.loaded.has('cameras') || !store.loaded.has('agents')) return;
  const head = h('div', { class: 'page-head' }, h('h1', {}, t('devices.title')));
  if (store.cameras.length === 0 && store.agents.length === 0) {
    view.replaceChildren(head, h('div', { class: 'panel' }, emptyState('cpu', t('devices.empty'), t('devices.empty.how'))));
    return;
  }
  redraw(view, head,
    h('h2', {}, t('devices.cameras')),
    table(['devices.label', 'tracking.area', 'devices.agent', 'devices.stream', 'devices.mode', 'devices.inference', 'devices.lastFrame', 'devices.placement', 'devices.rejected', ''],
      store.cameras.map((entry) => [
        h('span', {}, `${camera(entry.number)} · ${entry.label}`), areaName(entry.area), entry.agent,
        h('span', {}, lamp(entry.state === 'streaming', t(`camera.${entry.state}`)), problemOf(entry)),
        h('span', {}, t(`devices.mode.${entry.mode}`), entry.people !== null && h('span', { class: 'muted', title: t('devices.people.how') }, ` · ${t('devices.people', { n: entry.people })}`)),
        lamp(entry.inference === 'active', entry.inference === 'active'
          ? `${t('devices.active')} · ${t('live.fps', { n: entry.fps.toFixed(1) })}` : t('camera.offline')),
        moment(entry.last_frame),
        placement(entry.placement),
        rejections(entry.counts),
        editCamera(entry),
      ])),
    h('h2', {}, t('devices.agents')),
    table(['devices.agent', 'devices.connection', 'devices.cameras', 'devices.gallery', 'devices.outbox', 'devices.clock', 'devices.version', ''],
      store.agents.map((agent) => [
        agent.id,
        h('span', {}, lamp(agent.online, agent.online ? t('devices.online') : t('camera.offline')), ' ', h('span', { class: 'muted' }, moment(agent.last_heard)),
          problemOf(agent)),
        agent.cameras.map(cameraName).join(', ') || '–',
        lamp(agent.gallery_current, `${agent.gallery_version} · ${agent.gallery_current ? t('devices.gallery.current') : t('devices.gallery.old')}`),
        agent.outbox_dropped > 0
          ? lamp(false, `${agent.outbox_depth} · ${t('devices.dropped', { n: agent.outbox_dropped })}`) : String(agent.outbox_depth),
        clock(agent.clock_offset_ms),
        agent.version,
        h('button', { class: 'button small', type: 'button', data: { act: 'replace' }, onclick: () => openReplace(agent.id),
          'aria-label': t('employees.for', { action: t('devices.replace'), name: agent.id }) }, icon('refresh-cw'), t('devices.replace')),
      ])),
    ...oddities());
}
