// Who would be told, and when, if somebody were absent and nobody answered.

import { employeePath, get } from './api.js';
import { currentLanguage, has, t } from './i18n.js';
import { clockTime, now } from './time.js';
import { h } from './utils.js';

/** The example's absence begins at nine, as in docs/hierarchy.md. */
const NINE = 9 * 3600;
const DAY = 86_400;
/** Of longer lists the rest is only counted. */
const SHOWN = 20;

/** What would happen if an employee were gone and nobody answered. */
export async function climbOf({ id, name }) {
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
