// The choice between the languages, and the catalogue of all texts, which lie in texts/: Indonesian and English side by
// side. "one|many" picks by the parameter n. Parameters stand in {braces}.

import alerts from './texts/alerts.js';
import common from './texts/common.js';
import devices from './texts/devices.js';
import employees from './texts/employees.js';
import help from './texts/help.js';
import live from './texts/live.js';
import organisation from './texts/organisation.js';
import patterns from './texts/patterns.js';
import reports from './texts/reports.js';
import settings from './texts/settings.js';

const CATALOGUE = { ...alerts, ...common, ...devices, ...employees, ...help, ...live, ...organisation, ...patterns, ...reports, ...settings };

export const LANGUAGES = ['id', 'en'];
const COLUMN = { id: 0, en: 1 };

function stored() {
  try {
    const value = localStorage.getItem('hadir.language');
    return LANGUAGES.includes(value) ? value : null;
  } catch {
    return null;
  }
}

let language = stored() ?? (navigator.language.startsWith('en') ? 'en' : 'id');
document.documentElement.lang = language;

/** The language in use: `id` or `en`. */
export const currentLanguage = () => language;

/** Takes the site's language, unless the reader has chosen one. */
export function suggestLanguage(suggested) {
  if (stored() === null && LANGUAGES.includes(suggested)) apply(suggested);
}

/** The reader's own choice; it is kept. */
export function chooseLanguage(chosen) {
  try {
    localStorage.setItem('hadir.language', chosen);
  } catch {
    // Storage is blocked: the choice holds until the page is left.
  }
  apply(chosen);
}

function apply(next) {
  if (next === language) return;
  language = next;
  document.documentElement.lang = next;
  document.dispatchEvent(new Event('hadir:language'));
}

/** The text of a key in the reader's language. */
export function t(key, params = {}) {
  const entry = CATALOGUE[key];
  if (!entry) throw new Error(`no text ${key}`);
  let text = entry[COLUMN[language]];
  if (text.includes('|')) {
    const [one, many] = text.split('|');
    text = params.n === 1 ? one : many;
  }
  return text.replace(/\{(\w+)\}/g, (_, name) => params[name] ?? '');
}

/** Whether the catalogue has a key: for words that come from outside. */
export const has = (key) => Object.hasOwn(CATALOGUE, key);

/** The word for a value of the API; a value without one stands for itself. */
export const word = (prefix, value) => (has(`${prefix}.${value}`) ? t(`${prefix}.${value}`) : value);

/** Fills in the texts of the page's fixed parts. */
export function translate(root = document) {
  for (const el of root.querySelectorAll('[data-i18n]')) el.textContent = t(el.dataset.i18n);
  for (const el of root.querySelectorAll('[data-i18n-label]')) {
    el.setAttribute('aria-label', t(el.dataset.i18nLabel));
    if (el.matches('button, a')) el.title = t(el.dataset.i18nLabel);
  }
  for (const el of root.querySelectorAll('[data-i18n-placeholder]')) el.placeholder = t(el.dataset.i18nPlaceholder);
}
