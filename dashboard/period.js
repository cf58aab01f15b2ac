// From which day to which: two fields and the usual choices.

import { t } from './i18n.js';
import { addDays, countDays, today, weekdayOf } from './time.js';
import { h } from './utils.js';

export const MAX_DAYS = 366;

const monthBegins = (day) => `${day.slice(0, 7)}-01`;

const PRESETS = {
  today: () => [today(), today()],
  yesterday: () => [addDays(today(), -1), addDays(today(), -1)],
  week: () => [addDays(today(), -weekdayOf(today())), today()],
  month: () => [monthBegins(today()), today()],
  lastMonth: () => {
    const last = addDays(monthBegins(today()), -1);
    return [monthBegins(last), last];
  },
  days30: () => [addDays(today(), -29), today()],
  days90: () => [addDays(today(), -89), today()],
};

const isDay = (text) => /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));

/** Whether a report can be of these days. */
export const isPeriod = (from, to) => isDay(from) && isDay(to) && from <= to && countDays(from, to) <= MAX_DAYS;

/** What an address says, or the usual one. */
export function periodFrom(params, usual) {
  const [from, to] = [params.get('from'), params.get('to')];
  if (from && to && isPeriod(from, to)) return { from, to };
  const [first, last] = PRESETS[usual]();
  return { from: first, to: last };
}

/** The fields and the choices; calls back with the first and the last day. */
export function periodPicker({ from, to }, presets, onpick) {
  let typing = false;
  const error = h('span', { class: 'error-line', role: 'alert', hidden: true });
  const field = (name, value) => h('label', { class: 'period-field' }, h('span', {}, t(`period.${name}`)),
    h('input', { type: 'date', name, value, required: true,
      onpointerdown: () => { typing = false; },
      onkeydown: ({ key }) => {
        typing = true;
        if (key === 'Enter') changed();
      },
      // A date that is typed is one only when all of it is; one that is picked, at once.
      onchange: () => typing || changed(),
      onblur: ({ relatedTarget }) => typing && relatedTarget?.type !== 'date' && changed() }));
  const first = field('from', from);
  const last = field('to', to);
  function changed() {
    const [a, b] = [first, last].map((label) => label.querySelector('input').value);
    error.hidden = isPeriod(a, b);
    error.textContent = t('period.wrong');
    if (error.hidden && (a !== from || b !== to)) onpick(a, b);
  }
  return h('div', { class: 'period' },
    h('div', { class: 'segmented', role: 'group', 'aria-label': `${t('period.from')} – ${t('period.to')}` }, presets.map((name) => {
      const [a, b] = PRESETS[name]();
      return h('button', { type: 'button', 'aria-pressed': String(a === from && b === to), data: { preset: name }, onclick: () => onpick(a, b) }, t(`period.${name}`));
    })), first, last, error);
}
