// The settings page: one's own view and password, and, for those who may, how the site works, who may log in, and who
// changed what.

import { api, get, post } from './api.js';
import { auditWords } from './audit-words.js';
import { confirmDialog, field, formDialog, input, select, unreadable, wrong } from './form.js';
import { LANGUAGES, chooseLanguage, currentLanguage, has, t } from './i18n.js';
import { changesEmployees, emit, on, store } from './store.js';
import { table } from './table.js';
import { chooseTheme, currentTheme } from './theme-choice.js';
import { exactDuration, exactTime, now, timeZone, weekdayNames, whenShort } from './time.js';
import { byId, filler, h, icon, oncePerFrame, sentence, showError, setText } from './utils.js';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const ROLES = ['admin', 'hr', 'supervisor', 'technician'];
export const LANGUAGE_NAMES = { id: 'Bahasa Indonesia', en: 'English' };
/** How long and how often it is asked how far a test message has come. */
const FOLLOW_MS = 2000;
const FOLLOW_TIMES = 60;

const isAdmin = () => store.me?.role === 'admin';

let view = null;
let logout = () => {};

export function startSettings(onLogout) {
  logout = onLogout;
  view = byId('view-settings');
  const render = oncePerFrame(() => {
    if (!view.hidden && store.me) renderPage();
  });
  on('view', render);
  on('employees', () => {
    // The test message waits for the names.
    if (!view.hidden && !view.querySelector('[name="employee"] option:nth-child(2)')) render();
  });
  document.addEventListener('hadir:language', render);
}

const section = (key, ...content) => h('section', { class: 'panel setting-box', data: { setting: key } },
  h('h2', {}, t(`settings.${key}`)), has(`settings.${key}.how`) && h('p', { class: 'muted' }, t(`settings.${key}.how`)), ...content);

/** A part that is read from the server first, and read anew after a change. */
function loaded(key, read, render) {
  const box = h('div', { class: 'stack' });
  const fill = filler(box);
  const draw = () => fill(async () => render(await read(), draw));
  draw();
  return section(key, box);
}

function renderPage() {
  view.replaceChildren(h('div', { class: 'page-head' }, h('h1', {}, t('settings.title'))),
    h('div', { class: 'settings-grid' },
      look(), account(), thresholds(),
      changesEmployees() && loaded('site-language', () => get('/api/site-language'), siteLanguage),
      changesEmployees() && loaded('quiet', () => get('/api/quiet-hours'), quiet),
      changesEmployees() && loaded('silence', () => get('/api/silence'), silence),
      changesEmployees() && whatsapp(),
      changesEmployees() && loaded('bodies', () => get('/api/body-presence'), bodies),
      changesEmployees() && loaded('retention', () => get('/api/retention'), retention)),
    isAdmin() && loaded('users', () => get('/api/users'), users),
    changesEmployees() && loaded('audit', () => get('/api/audit'), audit));
}

const segment = (pressed, label, run, attributes = {}) => h('button', { type: 'button', 'aria-pressed': String(pressed), onclick: run, ...attributes }, label);

function look() {
  return section('look',
    h('div', { class: 'setting' }, h('h3', {}, t('settings.language')), h('div', { class: 'segmented', role: 'group', 'aria-label': t('settings.language') },
      LANGUAGES.map((code) => segment(code === currentLanguage(), LANGUAGE_NAMES[code], () => chooseLanguage(code), { lang: code, data: { language: code } })))),
    h('div', { class: 'setting' }, h('h3', {}, t('settings.theme')), h('div', { class: 'segmented', role: 'group', 'aria-label': t('settings.theme') },
      ['light', 'dark', 'system'].map((theme) => segment(theme === currentTheme(), t(`settings.theme.${theme}`), () => {
        chooseTheme(theme);
        renderPage();
      }, { data: { theme } })))),
    h('dl', { class: 'facts' }, h('dt', {}, t('settings.timezone')), h('dd', {}, timeZone())));
}

function account() {
  const { name, username, role } = store.me;
  return section('account', h('p', {}, h('strong', {}, name || username), h('span', { class: 'muted' }, ` ${username} · ${t(`role.${role}`)}`)),
    h('div', { class: 'acts-row' }, h('button', { class: 'button', type: 'button', data: { act: 'password' }, onclick: openPassword }, icon('key-round'), t('settings.password.change')),
      h('button', { class: 'button', type: 'button', data: { act: 'logout' }, onclick: () => logout() }, icon('log-out'), t('user.logout'))));
}

function openPassword() {
  const password = (name, complete) => input(name, '', { type: 'password', autocomplete: complete, required: true });
  formDialog(t('settings.password.change'), [
    field(t('settings.password.current'), password('current', 'current-password')),
    field(t('settings.password.new'), password('new', 'new-password'), t('settings.password.hint')),
    field(t('settings.password.again'), password('again', 'new-password')),
  ], async (form) => {
    const { current, new: next, again } = form.elements;
    if (next.value.length < 10) throw wrong('new', 'settings.password.short');
    if (next.value !== again.value) throw wrong('again', 'settings.password.differs');
    await post('/api/me/password', { current: current.value, new: next.value });
  });
}

/** The site's thresholds: for those who may set them a form, for others the facts. */
function thresholds() {
  const { presence, defaults } = store.me;
  const fields = ['off_after_s', 'absent_after_s'];
  const shown = (name) => exactDuration(presence[name]) + (presence[name] === defaults[name] ? '' : ` (${exactDuration(defaults[name])})`);
  if (!changesEmployees()) {
    return section('thresholds', h('dl', { class: 'facts' }, h('dt', {}, t('settings.off')), h('dd', {}, shown('off_after_s')),
      h('dt', {}, t('settings.absent')), h('dd', {}, shown('absent_after_s'))));
  }
  const number = (name, label) => field(t(label, { usual: defaults[name] }), input(name, presence[name], { type: 'number', min: 1, max: 86_400, step: 1, inputmode: 'numeric', required: true }));
  const line = h('p', { class: 'error-line', role: 'alert', hidden: true });
  const set = async (asked) => {
    showError(line, null);
    for (const button of form.querySelectorAll('button')) button.disabled = true;
    try {
      await api('PATCH', '/api/thresholds', asked);
      store.me = await get('/api/me');
      emit('me');
      renderPage();
    } catch (error) {
      showError(line, sentence(error));
      for (const button of form.querySelectorAll('button')) button.disabled = false;
    }
  };
  const form = h('form', { class: 'stack thresholds', novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    const invalid = unreadable(form);
    if (invalid) return showError(line, invalid.message);
    // Only what was changed becomes a wish of its own; the rest stays as configured.
    const changed = fields.filter((name) => Number(form.elements[name].value) !== presence[name]);
    set(Object.fromEntries(changed.map((name) => [name, Number(form.elements[name].value)])));
  } }, number('off_after_s', 'settings.off.seconds'), number('absent_after_s', 'settings.absent.seconds'), line,
  h('div', { class: 'acts-row' }, h('button', { class: 'button small primary' }, t('settings.save')),
    h('button', { class: 'button small', type: 'button', data: { act: 'reset' }, onclick: () => set(Object.fromEntries(fields.map((name) => [name, null]))) }, t('settings.reset'))));
  return section('thresholds', form);
}

/** A button whose failure is said beside it. */
function act(name, label, run) {
  const line = h('p', { class: 'error-line', role: 'alert', hidden: true });
  const button = h('button', { class: 'button small', type: 'button', data: { act: name }, onclick: async () => {
    showError(line, null);
    button.disabled = true;
    try {
      await run();
    } catch (error) {
      showError(line, sentence(error));
    }
    button.disabled = false;
  } }, label);
  return [h('div', { class: 'acts-row' }, button), line];
}

const hoursText = (hours) => {
  if (!hours) return t('settings.quiet.none');
  const names = weekdayNames();
  return t('settings.quiet.text', { days: hours.days.length === 7 ? t('settings.quiet.daily') : hours.days.map((day) => names[DAYS.indexOf(day)]).join(', '), from: hours.from, to: hours.to });
};

function quiet({ hours, configured, set }, draw) {
  const edit = () => {
    const names = weekdayNames();
    const on_ = h('input', { type: 'checkbox', name: 'on', checked: Boolean(hours) });
    const time = (name, value) => input(name, value, { type: 'time', required: true });
    formDialog(t('settings.quiet'), [
      h('label', { class: 'check' }, on_, t('settings.quiet.on')),
      h('div', { class: 'form-pair' }, field(t('period.from'), time('from', hours?.from ?? '22:00')), field(t('period.to'), time('to', hours?.to ?? '05:00'))),
      h('fieldset', { class: 'field' }, h('legend', {}, t('settings.quiet.days')), h('div', { class: 'checks days' },
        DAYS.map((day, n) => h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'day', value: day, checked: hours ? hours.days.includes(day) : true }), names[n])))),
      h('input', { type: 'hidden', name: 'hours' }),
    ], async (form) => {
      const days = [...form.querySelectorAll('[name="day"]:checked')].map((one) => one.value);
      await api('PUT', '/api/quiet-hours', { hours: on_.checked ? { days, from: form.elements.from.value, to: form.elements.to.value } : null });
      draw();
    });
  };
  return [h('p', {}, h('strong', {}, hoursText(hours)), set && h('span', { class: 'muted' }, ` (${t('settings.configured')}: ${hoursText(configured)})`)),
    h('div', { class: 'acts-row' }, h('button', { class: 'button small', type: 'button', data: { act: 'edit' }, onclick: edit }, icon('pencil'), t('employees.edit')),
      set && act('reset', t('settings.reset'), async () => {
        await api('DELETE', '/api/quiet-hours');
        draw();
      }))];
}

/** The language of whoever has none of their own. */
function siteLanguage({ language, configured }, draw) {
  const line = h('p', { class: 'error-line', role: 'alert', hidden: true });
  const choose = async (code) => {
    try {
      if (code === configured) await api('DELETE', '/api/site-language');
      else await api('PUT', '/api/site-language', { language: code });
      store.me = await get('/api/me');
      emit('me');
      draw();
    } catch (error) {
      showError(line, sentence(error));
    }
  };
  return [h('div', { class: 'segmented', role: 'group', 'aria-label': t('settings.site-language') },
    LANGUAGES.map((code) => segment(code === language, LANGUAGE_NAMES[code], () => choose(code), { lang: code, data: { siteLanguage: code } }))), line];
}

function silence(running, draw) {
  if (running) {
    return [h('p', { class: 'notice-line' }, t('settings.silence.until', { time: exactTime(Date.parse(running.until)), reason: running.reason, who: running.created_by })),
      ...act('end', t('settings.silence.end'), async () => {
        await api('DELETE', '/api/silence');
        draw();
      })];
  }
  const begin = () => formDialog(t('settings.silence.begin'), [
    field(t('settings.silence.hours'), input('hours', 1, { type: 'number', min: 0.25, max: 168, step: 'any', required: true, inputmode: 'decimal' })),
    field(t('day.reason'), input('reason', '', { maxlength: 200, required: true })),
    h('input', { type: 'hidden', name: 'until' }),
  ], async (form) => {
    const until = new Date(now() + Number(form.elements.hours.value) * 3_600_000).toISOString();
    await api('PUT', '/api/silence', { until, reason: form.elements.reason.value.trim() });
    draw();
  }, { save: t('settings.silence.begin') });
  return [h('p', {}, t('settings.silence.none')),
    h('div', { class: 'acts-row' }, h('button', { class: 'button small', type: 'button', data: { act: 'begin' }, onclick: begin }, icon('volume-x'), t('settings.silence.begin')))];
}

function whatsapp() {
  const configured = store.me.whatsapp?.configured;
  const problem = [...store.banners].find(([key]) => key.startsWith('whatsapp'))?.[1].message[currentLanguage()];
  const people = store.employees.filter((person) => person.phone).sort((a, b) => a.name.localeCompare(b.name)).map((person) => [person.id, `${person.name} (${person.phone})`]);
  const outcome = h('p', { role: 'status', class: 'muted', id: 'test-outcome' });
  const to = select('employee', store.me.employee, [['', t('leaves.choose')], ...people]);
  const button = h('button', { class: 'button small', data: { act: 'test' } }, icon('send'), t('settings.whatsapp.test'));
  const form = h('form', { class: 'stack', novalidate: true, onsubmit: async (event) => {
    event.preventDefault();
    if (to.value === '') return setText(outcome, t('leaves.employee.missing'));
    button.disabled = true;
    try {
      let message = await post('/api/whatsapp/test', { employee: to.value });
      for (let n = 0; n < FOLLOW_TIMES && outcome.isConnected; n += 1) {
        setText(outcome, `${t(`message.${message.state}`)}${message.error ? `: ${message.error}` : ''}`);
        if (['read', 'failed_final'].includes(message.state)) break;
        if (message.state === 'delivered') button.disabled = false;
        await new Promise((resolve) => { setTimeout(resolve, FOLLOW_MS); });
        message = await get(`/api/messages/${message.id}`);
      }
    } catch (error) {
      setText(outcome, sentence(error));
    }
    button.disabled = false;
  } }, field(t('settings.whatsapp.to'), to, t('settings.whatsapp.to.hint')), h('div', { class: 'acts-row' }, button), outcome);
  return section('whatsapp', h('p', { class: configured && !problem ? 'good-line' : 'warn-line' }, icon(configured && !problem ? 'circle-check' : 'triangle-alert'),
    !configured ? t('settings.whatsapp.missing') : problem ?? t('settings.whatsapp.ready')), configured && form);
}

function retention({ keep_sightings_days: sightings, keep_days: days, configured }, draw) {
  const edit = () => {
    const number = (name, value, min, max) => input(name, value, { type: 'number', min, max, step: 1, required: true, inputmode: 'numeric' });
    formDialog(t('settings.retention'), [
      field(t('settings.retention.sightings'), number('keep_sightings_days', sightings, 31, 3650), t('settings.retention.sightings.hint')),
      field(t('settings.retention.days'), number('keep_days', days, 400, 36_500), t('settings.retention.days.hint')),
      h('p', { class: 'warn-line' }, icon('triangle-alert'), t('settings.retention.warn')),
    ], async (form) => {
      const value = (name, before, usual) => {
        const now = Number(form.elements[name].value);
        return now === before ? {} : { [name]: now === usual ? null : now };
      };
      await api('PATCH', '/api/retention', { ...value('keep_sightings_days', sightings, configured.keep_sightings_days), ...value('keep_days', days, configured.keep_days) });
      draw();
    });
  };
  return [h('dl', { class: 'facts' }, h('dt', {}, t('settings.retention.sightings')), h('dd', {}, t('time.long.days', { n: sightings })),
    h('dt', {}, t('settings.retention.days')), h('dd', {}, t('time.long.days', { n: days }))),
  h('div', { class: 'acts-row' }, h('button', { class: 'button small', type: 'button', data: { act: 'edit' }, onclick: edit }, icon('pencil'), t('employees.edit')))];
}

/** What it counts for that somebody was known by their body alone. */
function bodies(set, draw) {
  const keys = ['count_as_worked', 'hold_off_absence'];
  const failure = h('p', { class: 'error-line', role: 'alert', hidden: true });
  return [...keys.map((key) => h('label', { class: 'check' }, h('input', { type: 'checkbox', name: key, checked: set[key],
    onchange: async ({ target }) => {
      target.disabled = true;
      try {
        await api('PATCH', '/api/body-presence', { [key]: target.checked });
        draw();
      } catch (error) {
        [target.checked, target.disabled] = [set[key], false];
        showError(failure, sentence(error));
      }
    } }), h('span', {}, t(`settings.bodies.${key}`), h('br'), h('span', { class: 'hint' }, t(`settings.bodies.${key}.hint`))))), failure];
}

function users(rows, draw) {
  const columns = [
    { label: t('login.username'), cell: (user) => user.username },
    { label: t('policies.role'), cell: (user) => t(`role.${user.role}`) },
    { label: t('help.employee'), cell: (user) => (user.employee ? `${user.name} (${user.employee})` : '–') },
    { label: '', className: 'cell-acts', cell: (user) => h('div', { class: 'acts' },
      h('button', { class: 'button small', type: 'button', data: { act: 'edit' }, 'aria-label': t('employees.for', { action: t('employees.edit'), name: user.username }),
        onclick: () => openUser(user, draw) }, icon('pencil')),
      user.username !== store.me.username && h('button', { class: 'button small', type: 'button', data: { act: 'delete' },
        'aria-label': t('employees.for', { action: t('employees.delete'), name: user.username }), onclick: () => confirmDialog(t('users.delete'), t('users.delete.sure', { name: user.username }), async () => {
          await api('DELETE', `/api/users/${encodeURIComponent(user.username)}`);
          draw();
        }, { yes: t('employees.delete') }) }, icon('trash-2'))) },
  ];
  return [h('div', { class: 'acts-row' }, h('button', { class: 'button primary', type: 'button', data: { act: 'add' }, onclick: () => openUser(null, draw) }, icon('user-plus'), t('users.add'))),
    table(columns, rows, { caption: t('settings.users') })];
}

function openUser(user, draw) {
  const people = [...store.employees].sort((a, b) => a.name.localeCompare(b.name)).map((person) => [person.id, `${person.name} (${person.id})`]);
  formDialog(user ? t('users.edit', { name: user.username }) : t('users.add'), [
    field(t('login.username'), input('username', user?.username, { maxlength: 64, required: true, readonly: Boolean(user), autocapitalize: 'none' }), user ? null : t('users.name.hint')),
    field(t('login.password'), input('password', '', { type: 'password', autocomplete: 'new-password' }), user ? t('users.password.keep') : t('settings.password.hint')),
    h('div', { class: 'form-pair' },
      field(t('policies.role'), select('role', user?.role ?? 'supervisor', ROLES.map((role) => [role, t(`role.${role}`)]))),
      field(t('help.employee'), select('employee', user?.employee, [['', '–'], ...people]), t('users.employee.hint'))),
    h('ul', { class: 'points hint' }, ROLES.map((role) => h('li', {}, t(`users.role.${role}`)))),
  ], async (form) => {
    const { username, password, role, employee } = form.elements;
    if (password.value.length < 10 && (!user || password.value !== '')) throw wrong('password', 'settings.password.short');
    if (user) {
      await api('PATCH', `/api/users/${encodeURIComponent(user.username)}`, { ...(password.value ? { password: password.value } : {}),
        ...(role.value === user.role ? {} : { role: role.value }), ...((employee.value || null) === user.employee ? {} : { employee: employee.value || null }) });
    } else {
      await post('/api/users', { username: username.value.trim(), password: password.value, role: role.value, employee: employee.value || null });
    }
    draw();
  });
}

function audit(rows) {
  const list = h('div', { class: 'stack' });
  let all = rows;
  const shown = {};
  const columns = [
    { label: t('devices.when'), cell: (row) => h('time', { datetime: row.at, title: exactTime(Date.parse(row.at)) }, whenShort(Date.parse(row.at))) },
    { label: t('audit.who'), cell: (row) => row.who || t('audit.command') },
    { label: t('audit.what'), cell: (row) => auditWords(row.what) },
  ];
  const draw = () => list.replaceChildren(table(columns, all, { caption: t('settings.audit'), shown }),
    rows.length > 0 && rows.length % 200 === 0 ? h('button', { class: 'button wide', type: 'button', onclick: async () => {
      rows = await get(`/api/audit?before=${all.at(-1).id}`);
      all = [...all, ...rows];
      shown.rows = all.length;
      draw();
    } }, t('audit.more')) : '');
  draw();
  return all.length === 0 ? h('p', { class: 'muted' }, t('audit.none')) : list;
}
