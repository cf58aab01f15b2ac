// The page as a whole: login, header, banners, the panels of bell, settings and user, and which view is shown.

import { api, get, post } from './api.js';
import { startAlerts } from './alerts.js';
import { cameraName, setLiveVisible, startCameras } from './camera-manager.js';
import { startDevices } from './devices.js';
import { startEmployees } from './employee-manager.js';
import { Events } from './events.js';
import { startHelp } from './help.js';
import { LANGUAGES, chooseLanguage, currentLanguage, has, suggestLanguage, t, translate } from './i18n.js';
import { changesEmployees, emit, on, secondsSince, seesDevices, seesPeople, store } from './store.js';
import { clockTime, duration, exactDuration, exactTime, longDate, now, setServerTime, setTimeZone, timeZone, whenShort, zoneName } from './time.js';
import { jumpTo, startTracking } from './tracking.js';
import { byId, emptyState, h, icon, sentence, setText, showError, stateShape } from './utils.js';

/** A connection that is back within this time was no interruption worth a banner. */
const GRACE_MS = 1500;
const VIEWS = ['live', 'employees', 'alerts', 'devices'];

const events = new Events();
let loginNotice = null;

/** The session cookie cannot be read here; this remembers that there may be one. */
const remembered = {
  get: () => {
    try {
      return localStorage.getItem('hadir.session') === '1';
    } catch {
      return true;
    }
  },
  set: (value) => {
    try {
      if (value) localStorage.setItem('hadir.session', '1');
      else localStorage.removeItem('hadir.session');
    } catch {
      // Storage is blocked: the server is asked at every start.
    }
  },
};

function showLogin(noticeKey = null) {
  events.stop();
  remembered.set(false);
  setLiveVisible(false);
  for (const dialog of document.querySelectorAll('dialog')) dialog.close();
  for (const panel of document.querySelectorAll('[popover]')) if (panel.matches(':popover-open')) panel.hidePopover();
  // Nothing of the people stays in the page of somebody who is not logged in.
  Object.assign(store, { me: null, loaded: new Set(), areas: [], cameras: [], agents: [], setAside: [], badgeConflicts: [], status: new Map(), summary: null, notices: [],
    employees: [], alerts: new Map(), camera: null, tracked: null, banners: new Map() });
  for (const topic of ['status', 'summary', 'employees', 'alerts', 'cameras', 'areas']) emit(topic);
  byId('tracking-list').replaceChildren();
  for (const id of ['view-employees', 'view-alerts', 'view-devices', 'notices']) byId(id).replaceChildren();
  byId('app').hidden = true;
  byId('login').hidden = false;
  loginNotice = noticeKey;
  renderLoginNotice();
  showError(byId('login-error'), null);
  byId('login-password').value = '';
  byId(byId('login-username').value ? 'login-password' : 'login-username').focus();
  document.title = 'Hadir';
}

function renderLoginNotice() {
  showError(byId('login-notice'), loginNotice && t(loginNotice));
}

async function login(event) {
  event.preventDefault();
  const line = byId('login-error');
  const username = byId('login-username').value.trim();
  const password = byId('login-password').value;
  showError(line, null);
  if (username === '' || password === '') return showError(line, t('login.missing'));
  byId('login-submit').disabled = true;
  try {
    await post('/api/login', { username, password });
    remembered.set(true);
    await enter(await get('/api/me'));
  } catch (error) {
    const text = { unauthenticated: t('login.wrong'), too_many: t('login.tooMany') }[error.code];
    showError(line, text ?? sentence(error));
    byId('login-password').select();
  } finally {
    byId('login-submit').disabled = false;
  }
}

async function logout() {
  try {
    await api('POST', '/api/logout', {});
  } catch {
    // The page forgets the session even when the server cannot be told.
  }
  showLogin();
}

function takeMe(me) {
  store.me = me;
  setServerTime(me.now);
  setTimeZone(me.site.timezone);
  suggestLanguage(me.site.language);
}

async function enter(me) {
  takeMe(me);
  byId('login').hidden = true;
  byId('login-password').value = '';
  byId('app').hidden = false;
  byId('content').inert = false;
  emit('me');
  route();
  tick();
  events.start();
}

/** Shows the view that the address names. */
function route() {
  if (!store.me) return;
  const asked = location.hash.replace(/^#\//, '');
  const allowed = VIEWS.filter((view) => (view === 'employees' || view === 'alerts' ? seesPeople() : view === 'devices' ? seesDevices() : true));
  const view = allowed.includes(asked) ? asked : 'live';
  for (const name of VIEWS) byId(`view-${name}`).hidden = name !== view;
  for (const link of document.querySelectorAll('.nav a')) {
    link.hidden = !allowed.includes(link.dataset.view);
    if (link.dataset.view === view) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.body.dataset.view = view;
  document.title = `${t(`nav.${view}`)} · Hadir ${store.me.site.name}`;
  setLiveVisible(view === 'live');
  emit('view');
}

function tick() {
  if (!store.me) return;
  const at = now();
  byId('clock').dateTime = new Date(at).toISOString();
  setText(byId('clock-date'), longDate(at));
  setText(byId('clock-time'), clockTime(at));
  setText(byId('clock-zone'), zoneName(at));
  renderConnection();
  for (const el of byId('notices').querySelectorAll('[data-from]')) setText(el, sinceText(el.dataset.from));
}

function renderConnection() {
  const lost = events.lostAt === null ? 0 : Date.now() - events.lostAt;
  const away = lost > GRACE_MS;
  document.body.classList.toggle('disconnected', away);
  byId('disconnected').hidden = !away;
  if (!away) {
    store.loadError = events.lostAt === null ? null : store.loadError;
    return;
  }
  setText(byId('disconnected-text'), store.loadError ? t('error.load', { message: sentence(store.loadError) }) : t('connection.lost'));
  setText(byId('disconnected-seconds'), duration(lost / 1000));
}

/** The presence thresholds differ from the usual ones: whoever reads the numbers has to know. */
function renderThresholds() {
  const { presence, defaults } = store.me;
  const parts = [];
  let direction = 0;
  for (const [key, field] of [['off', 'off_after_s'], ['absent', 'absent_after_s']]) {
    const difference = Math.sign(presence[field] - defaults[field]);
    if (difference === 0) continue;
    direction = direction === 0 || direction === difference ? difference : NaN;
    parts.push(t(`threshold.${key}`, { now: exactDuration(presence[field]), usual: exactDuration(defaults[field]) }));
  }
  const banner = byId('threshold-banner');
  banner.hidden = parts.length === 0;
  const title = direction < 0 ? 'threshold.shorter' : direction > 0 ? 'threshold.longer' : 'threshold.changed';
  if (parts.length > 0) banner.replaceChildren(icon('info'), h('span', {}, h('strong', {}, t(title)), `: ${parts.join('; ')}.`));
}

function renderSystemBanner() {
  const messages = [...store.banners].map(([key, { message }]) => (has(`banner.${key}`) ? t(`banner.${key}`, { message }) : message));
  const banner = byId('system-banner');
  banner.hidden = messages.length === 0;
  if (banner.hidden) return;
  banner.classList.toggle('bad', [...store.banners.values()].some(({ level }) => level === 'error'));
  banner.replaceChildren(icon('triangle-alert'), h('span', {}, messages.join(' ')), h('button', { class: 'icon-button', type: 'button',
    'aria-label': t('form.close'), title: t('form.close'), onclick: () => { banner.hidden = true; } }, icon('x')));
}

const sinceText = (from) => t('notices.since', { time: whenShort(Date.parse(from)), duration: duration(secondsSince(from)) });

function renderNotices() {
  const n = store.notices.length;
  const bell = byId('bell');
  const label = t('notices.bell', { n });
  bell.setAttribute('aria-label', label);
  bell.title = label;
  bell.classList.toggle('urgent', store.notices.some((notice) => notice.state === 'absent'));
  byId('notice-count').hidden = n === 0;
  setText(byId('notice-count'), String(n));
  const panel = byId('notices');
  panel.replaceChildren(h('h2', { class: 'panel-title' }, t('notices.title')), n === 0
    ? emptyState('circle-check', t('notices.empty'), store.me && t('notices.empty.how', { off: exactDuration(store.me.presence.off_after_s) }))
    : h('ul', { class: 'notice-list' }, store.notices.map((notice) => {
      const from = notice.last_seen ?? notice.since;
      return h('li', {}, h('button', { class: 'notice', type: 'button', data: { employee: notice.employee }, onclick: () => {
        panel.hidePopover();
        location.hash = '#/live';
        route();
        jumpTo(notice.employee);
      } }, stateShape(notice.state), h('span', { class: 'notice-name' }, notice.name),
      h('span', { class: `notice-state is-${notice.state}` }, t(`state.${notice.state}`)),
      h('span', { class: 'notice-since muted figures', title: exactTime(Date.parse(from)) }, h('span', { data: { from } }, sinceText(from)),
        notice.camera ? ` · ${cameraName(notice.camera)}` : '')));
    })));
}

const segment = (pressed, label, run, attributes = {}) => h('button', { type: 'button', 'aria-pressed': String(pressed), onclick: run, ...attributes }, label);

const LANGUAGE_NAMES = { id: 'Bahasa Indonesia', en: 'English' };

function renderLanguageSwitches() {
  for (const box of document.querySelectorAll('.language-switch')) {
    box.replaceChildren(...LANGUAGES.map((code) => segment(code === currentLanguage(), code.toUpperCase(), () => chooseLanguage(code),
      { lang: code, title: LANGUAGE_NAMES[code], 'aria-label': LANGUAGE_NAMES[code], data: { language: code } })));
  }
}

function currentTheme() {
  return document.documentElement.dataset.theme ?? 'system';
}

function chooseTheme(theme) {
  try {
    if (theme === 'system') localStorage.removeItem('hadir.theme');
    else localStorage.setItem('hadir.theme', theme);
  } catch {
    // Storage is blocked: the choice holds until the page is left.
  }
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  renderSettings();
}

function account() {
  const { name, username, role } = store.me;
  return h('p', { class: 'account' }, h('strong', {}, name || username), h('span', { class: 'muted' }, `${username} · ${t(`role.${role}`)}`));
}

const logoutButton = () => h('button', { class: 'button wide', type: 'button', data: { act: 'logout' }, onclick: logout }, icon('log-out'), t('user.logout'));

/** The site's thresholds, for those who may set them. */
function thresholdForm() {
  const { presence, defaults } = store.me;
  const fields = ['off_after_s', 'absent_after_s'];
  const line = h('p', { class: 'error-line', role: 'alert', hidden: true });
  const input = (field, label) => h('label', { class: 'field' }, h('span', {}, t(label, { usual: defaults[field] })),
    h('input', { name: field, type: 'number', min: 1, max: 86_400, step: 1, inputmode: 'numeric', required: true, value: presence[field] }));
  const set = async (asked) => {
    showError(line, null);
    for (const button of form.querySelectorAll('button')) button.disabled = true;
    try {
      await api('PATCH', '/api/thresholds', asked);
      takeMe(await get('/api/me'));
      renderThresholds();
      renderSettings();
    } catch (error) {
      showError(line, sentence(error));
      for (const button of form.querySelectorAll('button')) button.disabled = false;
    }
  };
  const form = h('form', { class: 'thresholds', novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    // Only what was changed becomes a wish of its own; the rest stays as configured.
    const changed = fields.filter((field) => Number(form.elements[field].value) !== presence[field]);
    set(Object.fromEntries(changed.map((field) => [field, Number(form.elements[field].value)])));
  } }, input('off_after_s', 'settings.off.seconds'), input('absent_after_s', 'settings.absent.seconds'), line,
  h('div', { class: 'threshold-acts' }, h('button', { class: 'button small' }, t('settings.save')),
    h('button', { class: 'button small', type: 'button', onclick: () => set(Object.fromEntries(fields.map((field) => [field, null]))) }, t('settings.reset'))));
  return form;
}

function renderSettings() {
  if (!store.me) return;
  const { presence, defaults, whatsapp } = store.me;
  const threshold = (field) => exactDuration(presence[field])
    + (presence[field] === defaults[field] ? '' : ` (${exactDuration(defaults[field])})`);
  const messages = !whatsapp?.configured ? t('settings.whatsapp.missing') : (store.banners.get('whatsapp')?.message ?? t('settings.whatsapp.ready'));
  const fact = (term, value) => [h('dt', {}, term), h('dd', { class: 'figures' }, value)];
  byId('settings').replaceChildren(h('h2', { class: 'panel-title' }, t('settings.title')),
    h('div', { class: 'setting' }, h('h3', {}, t('settings.language')), h('div', { class: 'segmented', role: 'group', 'aria-label': t('settings.language') },
      LANGUAGES.map((code) => segment(code === currentLanguage(), LANGUAGE_NAMES[code], () => chooseLanguage(code), { lang: code })))),
    h('div', { class: 'setting' }, h('h3', {}, t('settings.theme')), h('div', { class: 'segmented', role: 'group', 'aria-label': t('settings.theme') },
      ['light', 'dark', 'system'].map((theme) => segment(theme === currentTheme(), t(`settings.theme.${theme}`), () => chooseTheme(theme), { data: { theme } })))),
    h('div', { class: 'setting' }, h('h3', {}, t('settings.thresholds')), changesEmployees() ? thresholdForm() : h('dl', { class: 'facts' },
      ...fact(t('settings.off'), threshold('off_after_s')), ...fact(t('settings.absent'), threshold('absent_after_s')))),
    h('div', { class: 'setting' }, h('dl', { class: 'facts' },
      ...fact(t('settings.timezone'), timeZone()), ...fact(t('settings.whatsapp'), messages))),
    h('div', { class: 'setting' }, h('h3', {}, t('settings.account')), account(), logoutButton()));
}

function renderHeader() {
  if (!store.me) return;
  setText(byId('site-name'), store.me.site.name);
  byId('site-name').title = store.me.site.name;
  setText(byId('user-name'), store.me.name || store.me.username);
  byId('user-button').setAttribute('aria-label', `${t('user.title')}: ${store.me.name || store.me.username}`);
  byId('user-menu').replaceChildren(account(), logoutButton());
  byId('bell').hidden = !seesPeople();
}

function renderAll() {
  translate();
  renderLanguageSwitches();
  renderLoginNotice();
  showError(byId('login-error'), null);
  if (!store.me) return;
  renderHeader();
  renderThresholds();
  renderSystemBanner();
  renderNotices();
  renderSettings();
  route();
  tick();
}

async function start() {
  startCameras();
  startTracking();
  startEmployees();
  startAlerts();
  startDevices();
  startHelp();
  translate();
  renderLanguageSwitches();

  on('me', () => {
    if (!store.me) return;
    takeMe(store.me);
    renderHeader();
    renderThresholds();
    renderSystemBanner();
    renderSettings();
    renderNotices();
  });
  on('notices cameras', renderNotices);
  on('banners', renderSystemBanner);
  on('connection', renderConnection);
  document.addEventListener('hadir:language', renderAll);
  document.addEventListener('hadir:session-over', () => {
    if (store.me) showLogin('login.over');
  });
  addEventListener('hashchange', route);
  byId('login-form').addEventListener('submit', login);
  byId('reconnect').addEventListener('click', () => events.retry());
  byId('settings').addEventListener('beforetoggle', renderSettings);
  setInterval(tick, 250);

  if (!remembered.get()) return showLogin();
  try {
    await enter(await get('/api/me'));
  } catch (error) {
    showLogin();
    if (error.code !== 'unauthenticated') {
      remembered.set(true);
      showError(byId('login-error'), sentence(error));
    }
  }
}

start();
