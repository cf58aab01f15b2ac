// The alerts page: open and past absences, who was told how, and the answer "I have it".

import { notifySwitches, startAlertNotify } from './alert-notify.js';
import { post } from './api.js';
import { cameraName, track } from './camera-manager.js';
import { field, formDialog, input, wrong } from './form.js';
import { has, t, word } from './i18n.js';
import { areaName, changesEmployees, emit, on, store } from './store.js';
import { dayKey, duration, exactDuration, exactTime, now, shortTime, siteMoment, whenShort } from './time.js';
import { byId, emptyState, h, icon, oncePerFrame, redraw, sentence, setText, showError, throttle } from './utils.js';

let view = null;
let past = false;
/** So many are shown at first, and more on demand. */
const CARDS_AT_ONCE = 50;
let limit = CARDS_AT_ONCE;
/** Made once: what they say of a refusal stays. */
let switches = null;
const failures = new Map();
const opened = new Set();

const who = (entry, alert) => entry.recipient_name ?? entry.recipient
  ?? (entry.what === 'acknowledged' ? alert.acknowledged_by : null) ?? '–';

export function startAlerts() {
  view = byId('view-alerts');
  const render = oncePerFrame(() => {
    if (!view.hidden) renderPage();
  });
  on('me view', render);
  on('alerts', throttle(300, render));
  on('cameras areas', throttle(2000, render));
  on('alerts', renderCount);
  startAlertNotify();
  switches = notifySwitches();
  document.addEventListener('hadir:language', () => {
    switches = notifySwitches();
    renderCount();
    render();
  });
  setInterval(() => {
    if (!view.hidden) renderDurations();
  }, 1000);
}

function renderCount() {
  const open = [...store.alerts.values()].filter((alert) => alert.state === 'open').length;
  const badge = byId('alert-count');
  badge.hidden = open === 0;
  setText(badge, String(open));
  badge.title = t('alerts.unanswered', { n: open });
}

function renderPage() {
  if (!store.loaded.has('alerts')) return;
  const alerts = [...store.alerts.values()].filter((alert) => (alert.state === 'closed') === past)
    .sort((a, b) => (a.state === 'open' ? 0 : 1) - (b.state === 'open' ? 0 : 1) || Date.parse(b.opened_at) - Date.parse(a.opened_at));
  const tab = (label, value) => h('button', { type: 'button', 'aria-pressed': String(past === value), onclick: () => {
    past = value;
    limit = CARDS_AT_ONCE;
    renderPage();
  } }, label);
  const key = past ? 'past' : 'open';
  const left = alerts.length - limit;
  redraw(view,
    h('div', { class: 'page-head' }, h('h1', {}, t('alerts.title')),
      h('div', { class: 'segmented', role: 'group', 'aria-label': t('alerts.title') }, tab(t('alerts.open'), false), tab(t('alerts.past'), true))),
    switches,
    alerts.length > 0
      ? h('ul', { class: 'alert-list' }, alerts.slice(0, limit).map(alertCard))
      : h('div', { class: 'panel' }, emptyState('circle-check', t(`alerts.empty.${key}`),
        t(`alerts.empty.${key}.how`, { absent: exactDuration(store.me?.presence.absent_after_s ?? 0) }))),
    left > 0 ? h('button', { class: 'button wide', type: 'button', data: { act: 'more' }, onclick: () => {
      limit += CARDS_AT_ONCE;
      renderPage();
    } }, t('table.more', { n: Math.min(left, CARDS_AT_ONCE), of: left })) : '');
  renderDurations();
}

/** How long the absence has lasted, or did last. */
function renderDurations() {
  for (const el of view.querySelectorAll('[data-from]')) {
    const until = el.dataset.until ? Date.parse(el.dataset.until) : now();
    setText(el, duration((until - Date.parse(el.dataset.from)) / 1000));
  }
}

function alertState(alert) {
  if (alert.state === 'acknowledged') return t('alerts.state.acknowledged', { who: alert.acknowledged_by ?? '–' });
  if (alert.state === 'closed') {
    return alert.close_reason ? `${t('alerts.state.closed')}: ${word('reason', alert.close_reason)}` : t('alerts.state.closed');
  }
  return t('alerts.state.open');
}

/** Nobody below HR answers for themselves. */
const mayAnswer = (alert) => changesEmployees() || alert.employee !== store.me.employee;

function alertCard(alert) {
  const seen = Date.parse(alert.last_seen);
  const camera = alert.camera ? [cameraName(alert.camera), alert.area && areaName(alert.area)].filter(Boolean).join(' · ') : null;
  const failure = h('p', { class: 'error-line', role: 'alert', hidden: true });
  showError(failure, failures.get(alert.id));
  const answer = h('button', { class: 'button primary', type: 'button', data: { act: 'ack' }, onclick: async () => {
    answer.disabled = true;
    failures.delete(alert.id);
    try {
      const changed = await post(`/api/alerts/${alert.id}/ack`);
      store.alerts.set(changed.id, changed);
      renderCount();
    } catch (error) {
      failures.set(alert.id, error.code === 'conflict' ? t('alerts.conflict') : sentence(error));
    }
    renderPage();
  } }, icon('check'), t('alerts.ack'));
  const details = h('details', { class: 'history' }, h('summary', { data: { act: 'history' } }, `${t('alerts.history')} (${alert.history.length})`),
    h('ol', {}, alert.history.map((entry) => historyEntry(entry, alert))));
  details.open = opened.has(alert.id);
  details.addEventListener('toggle', () => (details.open ? opened.add(alert.id) : opened.delete(alert.id)));
  return h('li', { class: `alert panel alert-${alert.state}`, data: { alert: String(alert.id), employee: alert.employee } },
    h('div', { class: 'alert-head' }, icon(alert.state === 'closed' ? 'state-available' : 'state-absent', `shape is-${alert.state === 'closed' ? 'available' : 'absent'}`),
      h('h2', {}, alert.name),
      h('span', { class: 'figures', data: { from: alert.last_seen, until: alert.closed_at ?? '' } }),
      h('span', { class: `alert-state alert-state-${alert.state}` }, alertState(alert))),
    h('p', { class: 'muted' }, h('time', { datetime: alert.last_seen, title: exactTime(seen) },
      camera ? t('alerts.lastSeen', { time: whenShort(seen), camera }) : t('alerts.lastSeen.nowhere', { time: whenShort(seen) }))),
    details, failure,
    h('div', { class: 'alert-acts' },
      alert.state === 'open' && mayAnswer(alert) && answer,
      alert.state !== 'closed' && mayAnswer(alert) && h('button', { class: 'button', type: 'button', data: { act: 'excuse' }, onclick: () => openExcuse(alert) }, icon('calendar-days'), t('alerts.excuse')),
      h('button', { class: 'button', type: 'button', data: { act: 'comment' }, onclick: () => openComment(alert) }, icon('message-square'), t('alerts.comment')),
      alert.state !== 'closed' && store.status.get(alert.employee)?.camera && h('a', { class: 'button', href: '#/live', data: { act: 'show' },
        onclick: () => track(alert.employee) }, icon('locate-fixed'), t('alerts.show'))));
}

async function change(alert, address, body) {
  const changed = await post(`/api/alerts/${alert.id}/${address}`, body);
  store.alerts.set(changed.id, changed);
  emit('alerts');
}

/** Excuses an absence until a time of today or of another day. */
function openExcuse(alert) {
  const inAnHour = new Date(Math.ceil((now() + 3_600_000) / 900_000) * 900_000).getTime();
  formDialog(t('alerts.excuse.title', { name: alert.name }), [
    h('p', { class: 'muted' }, t('alerts.excuse.how')),
    field(t('day.reason'), input('reason', '', { maxlength: 200, required: true })),
    h('div', { class: 'form-pair' },
      field(t('alerts.excuse.day'), input('day', dayKey(inAnHour), { type: 'date', required: true })),
      field(t('alerts.excuse.time'), input('time', shortTime(inAnHour), { type: 'time', required: true }))),
    h('input', { type: 'hidden', name: 'until' }),
  ], async (form) => {
    const { reason, day, time } = form.elements;
    if (reason.value.trim() === '') throw wrong('reason', 'day.reason.missing');
    const until = siteMoment(day.value, time.value);
    if (until === null) throw wrong('time', 'alerts.excuse.when');
    await change(alert, 'excuse', { reason: reason.value.trim(), until });
  }, { save: t('alerts.excuse') });
}

function openComment(alert) {
  formDialog(t('alerts.comment.title', { name: alert.name }), [
    field(t('alerts.comment.text'), h('textarea', { name: 'text', rows: 3, maxlength: 500, required: true }), t('alerts.comment.hint')),
  ], async (form) => {
    const text = form.elements.text.value.trim();
    if (text === '') throw wrong('text', 'alerts.comment.missing');
    await change(alert, 'comment', { text });
    opened.add(alert.id);
  });
}

/** The sentence of an entry; some details have one of their own. */
function historyKey(entry) {
  if (entry.detail === 'nobody_left') return 'history.nobody_left';
  if (['not_configured', 'cancelled', 'not_reachable'].includes(entry.detail)) return `history.${entry.detail}`;
  return `history.${entry.what}`;
}

function historyEntry(entry, alert) {
  const at = Date.parse(entry.at);
  const key = historyKey(entry);
  let text = has(key)
    ? t(key, { who: who(entry, alert), channel: entry.channel ? word('channel', entry.channel) : '' })
    : entry.what;
  if (entry.what === 'commented') text = t('history.commented', { who: entry.recipient_name || '–', text: entry.detail });
  if (entry.message_state) text += `: ${word('message', entry.message_state)}`;
  const said = entry.what === 'commented' || key !== `history.${entry.what}` || !entry.detail || text.includes(entry.detail);
  const detail = said ? null : word('detail', entry.detail);
  return h('li', {}, h('time', { datetime: entry.at, title: exactTime(at) }, whenShort(at)), h('span', {}, text,
    detail && h('span', { class: 'muted' }, ` (${detail})`)));
}
