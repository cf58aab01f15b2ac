// The page as a whole: login, header, banners, the panels of bell, settings and user, and which view is shown.

import { api, get, post } from './api.js';
import { startAlerts } from './alerts.js';
import { cameraName, setLiveVisible, startCameras } from './camera-manager.js';
import { startDevices } from './devices.js';
import { startEmployees } from './employee-manager.js';
import { Events } from './events.js';
import { startFirstRun } from './first-run.js';
import { startHelp } from './help.js';
import { startOrganisation } from './organisation.js';
import { startPatterns } from './patterns.js';
import { startReports } from './reports.js';
import { LANGUAGE_NAMES, startSettings } from './settings.js';
import { LANGUAGES, chooseLanguage, currentLanguage, has, suggestLanguage, t, translate } from './i18n.js';
import { emit, on, secondsSince, seesDevices, seesPeople, store } from './store.js';
import { clockTime, duration, exactDuration, exactTime, longDate, now, setServerTime, setTimeZone, whenShort, zoneName } from './time.js';
import { jumpTo, startTracking } from './tracking.js';
import { byId, emptyState, h, icon, oncePerFrame, redraw, sentence, setText, showError, stateShape, throttle } from './utils.js';

/** A connection that is back within this time was no interruption worth a banner. */
const GRACE_MS = 1500;
/** Every page, and who may see it. */
const VIEWS = { live: () => true, alerts: seesPeople, employees: seesPeople, patterns: seesPeople, reports: seesPeople,
  organisation: seesPeople, devices: seesDevices, settings: () => true };
/** More at once nobody reads; the longest gone come first. */
const MAX_NOTICES = 100;
/** On a phone so many pages have a place of their own at the bottom; the rest is behind "more". */
const PRIMARY = 4;

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
  for (const topic of ['status', 'summary', 'employees', 'alerts', 'cameras', 'areas', 'left']) emit(topic);
  byId('tracking-list').replaceChildren();
  for (const name of Object.keys(VIEWS)) if (name !== 'live') byId(`view-${name}`).replaceChildren();
  byId('notices').replaceChildren();
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
  const asked = location.hash.replace(/^#\//, '').split('?')[0];
  const allowed = Object.keys(VIEWS).filter((name) => VIEWS[name]());
  const view = allowed.includes(asked) ? asked : 'live';
  for (const name of Object.keys(VIEWS)) byId(`view-${name}`).hidden = name !== view;
  const fits = allowed.length <= PRIMARY + 1;
  for (const link of document.querySelectorAll('.nav a, #settings-button')) {
    const place = allowed.indexOf(link.dataset.view);
    link.hidden = place < 0;
    link.toggleAttribute('data-primary', place >= 0 && (fits || place < PRIMARY));
    if (link.dataset.view === view) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  byId('nav-more').hidden = fits;
  byId('nav-more').toggleAttribute('data-current', !fits && allowed.indexOf(view) >= PRIMARY && view !== 'settings');
  openMore(false);
  document.body.dataset.view = view;
  document.title = `${t(`nav.${view}`)} · Hadir ${store.me.site.name}`;
  setLiveVisible(view === 'live');
  emit('view');
}

/** The pages that have no place of their own on a phone are shown, or not. */
function openMore(open) {
  document.querySelector('.nav').classList.toggle('open', open);
  byId('nav-more').setAttribute('aria-expanded', String(open));
}

function tick() {
  if (!store.me) return;
  const at = now();
  renderConnection();
  const second = `${Math.floor(at / 1000)} ${currentLanguage()}`;
  if (byId('clock').dataset.second === second) return;
  byId('clock').dataset.second = second;
  byId('clock').dateTime = new Date(at).toISOString();
  setText(byId('clock-date'), longDate(at));
  setText(byId('clock-time'), clockTime(at));
  setText(byId('clock-zone'), zoneName(at));
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
  const messages = [...store.banners].map(([key, banner]) => {
    const message = banner.message[currentLanguage()];
    return has(`banner.${key}`) ? t(`banner.${key}`, { message }) : message;
  });
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
  if (!panel.matches(':popover-open')) return;
  const shown = store.notices.slice(0, MAX_NOTICES);
  redraw(panel, h('h2', { class: 'panel-title' }, t('notices.title')), n === 0
    ? emptyState('circle-check', t('notices.empty'), store.me && t('notices.empty.how', { off: exactDuration(store.me.presence.off_after_s) }))
    : h('ul', { class: 'notice-list' }, shown.map((notice) => {
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
    })), n > shown.length ? h('p', { class: 'muted small notice-more' }, t('help.more', { n: n - shown.length })) : '');
}

const segment = (pressed, label, run, attributes = {}) => h('button', { type: 'button', 'aria-pressed': String(pressed), onclick: run, ...attributes }, label);

function renderLanguageSwitches() {
  for (const box of document.querySelectorAll('.language-switch')) {
    box.replaceChildren(...LANGUAGES.map((code) => segment(code === currentLanguage(), code.toUpperCase(), () => chooseLanguage(code),
      { lang: code, title: LANGUAGE_NAMES[code], 'aria-label': `${code.toUpperCase()}: ${LANGUAGE_NAMES[code]}`, data: { language: code } })));
  }
}

function account() {
  const { name, username, role } = store.me;
  return h('p', { class: 'account' }, h('strong', {}, name || username), h('span', { class: 'muted' }, `${username} · ${t(`role.${role}`)}`));
}

const logoutButton = () => h('button', { class: 'button wide', type: 'button', data: { act: 'logout' }, onclick: logout }, icon('log-out'), t('user.logout'));

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
  route();
  tick();
}

async function start() {
  startCameras();
  startTracking();
  startEmployees();
  startAlerts();
  startDevices();
  startPatterns();
  startReports();
  startOrganisation();
  startSettings(logout);
  startFirstRun();
  startHelp();
  translate();
  renderLanguageSwitches();

  on('me', () => {
    if (!store.me) return;
    takeMe(store.me);
    renderHeader();
    renderThresholds();
    renderSystemBanner();
    renderNotices();
  });
  const renderAfterPress = oncePerFrame(renderNotices);
  on('notices', renderAfterPress);
  on('cameras', throttle(2000, renderAfterPress));
  on('banners', renderSystemBanner);
  on('connection', renderConnection);
  document.addEventListener('hadir:language', renderAll);
  document.addEventListener('hadir:session-over', () => {
    if (store.me) showLogin('login.over');
  });
  addEventListener('hashchange', () => {
    // Not every address in the page is that of a view.
    if (!location.hash || location.hash.startsWith('#/')) route();
  });
  document.querySelector('.skip').addEventListener('click', (event) => {
    event.preventDefault();
    byId('content').focus();
  });
  byId('nav-more').addEventListener('click', () => openMore(byId('nav-more').getAttribute('aria-expanded') === 'false'));
  byId('login-form').addEventListener('submit', login);
  byId('notices').addEventListener('toggle', renderNotices);
  byId('reconnect').addEventListener('click', () => events.retry());
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
