// The help panel: what the hierarchy is, shown on the company's own chart, and what has to be mended in it.

import { employeePath, get } from './api.js';
import { openForm } from './employee-manager.js';
import { currentLanguage, has, t } from './i18n.js';
import { changesEmployees, load, on, seesPeople, store } from './store.js';
import { clockTime, now } from './time.js';
import { byId, emptyState, h, icon, openDialog, sentence } from './utils.js';

/** The example's absence begins at nine, as in docs/hierarchy.md. */
const NINE = 9 * 3600;
const DAY = 86_400;
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

/**
 * Fills a box with what comes of an asynchronous piece of work, says so meanwhile, and offers another try when it
 * failed. Only the latest work counts.
 */
function filler(box) {
  let latest = 0;
  return async function fill(work) {
    latest += 1;
    const turn = latest;
    box.setAttribute('aria-busy', 'true');
    if (box.childElementCount === 0) box.append(h('p', { class: 'muted' }, t('help.loading')));
    let content;
    try {
      content = await work();
    } catch (error) {
      content = [h('p', { class: 'error-line', role: 'alert' }, t('error.load', { message: sentence(error) })),
        h('button', { class: 'button', type: 'button', onclick: () => {
          box.replaceChildren();
          // The button is gone; the keyboard's place stays here.
          box.tabIndex = -1;
          box.focus();
          fill(work);
        } }, t('help.retry'))];
    }
    if (turn !== latest) return;
    box.removeAttribute('aria-busy');
    box.replaceChildren(...[content].flat());
  };
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
    fill(() => example(person));
  };
  chosen.addEventListener('change', show);
  show();
  return [h('label', { class: 'field' }, h('span', {}, t('help.employee')), chosen), box];
}

async function example({ id, name }) {
  const plan = await get(employeePath(id, '/escalation'));
  const policies = plan.policy === null ? [] : await get('/api/policies');
  // What waits for its hours does so from now on; of any other time of the day the plan says nothing.
  const waits = policies.some((policy) => policy.name === plan.policy && policy.steps.some((step) => step.hours));
  const seen = waits ? secondsOfDay(now() - plan.absent_after_s * 1000) : NINE;
  const at = (seconds) => clock(waits ? Math.round((seen + seconds) / 60) * 60 : seen + seconds);
  const time = (step) => at(plan.absent_after_s + step.after_s);
  const tells = plan.steps.filter((step) => step.told.length > 0);
  const told = tells.filter((step) => !step.repeated).map((step) => `${time(step)}\u00a0${roleOf(step) ?? names(step.told)}`).join(', ');
  const rows = plan.steps.slice(0, SHOWN).map((step) => h('li', {}, h('b', { class: 'figures' }, time(step)), h('span', {}, happenings(step))));
  const rest = plan.steps.length - rows.length;
  return [
    h('p', { class: 'gist' }, told ? t('help.gist', { name, told }) : t('help.gist.nobody', { name })),
    h('p', {}, t('help.if', { name, time: at(0) })),
    h('ol', { class: 'climb' }, rows,
      rest > 0 && h('li', {}, h('span', { class: 'muted' }, t('help.more', { n: rest }))),
      h('li', {}, h('b', { class: 'figures' }, time({ after_s: plan.gives_up_after_s })),
        h('span', {}, t(tells.length > 0 ? 'help.gaveUp' : 'help.gaveUp.nobody')))),
    h('p', { class: 'hint' }, t('help.policy', { policy: plan.policy ?? t('help.policy.standard') })),
  ];
}

/** What happens at a step, a line each: who is told, and who is passed over and why. */
function happenings({ to, told, passed_over: passedOver, repeated }) {
  const role = roleOf({ to });
  const who = role && !told.some(({ name }) => name === null) ? `${names(told)} (${role})` : names(told);
  const line = (muted, text) => h('span', { class: muted ? 'muted' : '' }, text[0].toLocaleUpperCase() + text.slice(1));
  const reasons = Map.groupBy(passedOver, ({ reason }) => reason);
  return [told.length > 0 && line(false, t(repeated ? 'help.told.again' : 'help.told', { who, n: told.length })),
    ...[...reasons].map(([reason, people]) => line(true, t('help.passedOver', { who: names(people), n: people.length,
      reason: has(`detail.${reason}`) ? t(`detail.${reason}`) : t('help.passedOver.other') })))];
}

/** The role that a step is for, if it is for one. */
const roleOf = ({ to }) => (has(`role.${to.role}`) ? t(`role.${to.role}`) : null);

/** "Sari and Budi"; whom the reader may not see comes without a name. */
function names(people) {
  const words = people.map(({ name }) => name).filter((name) => name !== null);
  const hidden = people.length - words.length;
  if (hidden > 0) words.push(t('help.above', { n: hidden }));
  return new Intl.ListFormat(currentLanguage() === 'id' ? 'id-ID' : 'en-GB').format(words);
}

function secondsOfDay(at) {
  const [hours, minutes, seconds] = clockTime(at).split(':').map(Number);
  return hours * 3600 + minutes * 60 + seconds;
}

/** Seconds of a day as "09:05", to the second where it is no full minute, and with the days when it is a later one. */
function clock(seconds) {
  const fields = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  const time = fields.slice(0, seconds % 60 === 0 ? 2 : 3).map((field) => String(field).padStart(2, '0')).join(':');
  return seconds < DAY ? time : t('help.laterDay', { time, n: Math.floor(seconds / DAY) });
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
