// Times as the reader wants them: the site's time zone, the server's clock, "6 menit lalu".

import { currentLanguage, t } from './i18n.js';

let offset = 0;
let zone = 'UTC';
let formats = null;

/** Takes the server's time: every time on the page is counted by its clock, not by the reader's. */
export function setServerTime(text) {
  const at = Date.parse(text);
  if (Number.isFinite(at)) offset = at - Date.now();
}

export function setTimeZone(name) {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    zone = name;
  } catch {
    zone = 'UTC';
  }
  formats = null;
}

export const timeZone = () => zone;
export const now = () => Date.now() + offset;

function formatters() {
  const language = currentLanguage();
  if (formats?.language === language) return formats;
  const locale = language === 'id' ? 'id-ID' : 'en-GB';
  const make = (options, l = locale) => new Intl.DateTimeFormat(l, { timeZone: zone, ...options });
  formats = {
    language,
    // British English writes 14:05:09 in both languages; Indonesian typography's full stops read as decimals.
    time: make({ hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }, 'en-GB'),
    short: make({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }, 'en-GB'),
    date: make({ weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }),
    day: make({ day: 'numeric', month: 'short', year: 'numeric' }),
    // Indonesian knows WIB, WITA and WIT; English would say GMT+7.
    zone: make({ timeZoneName: 'short' }, 'id-ID'),
    key: make({ year: 'numeric', month: '2-digit', day: '2-digit' }, 'en-CA'),
  };
  return formats;
}

export const clockTime = (at) => formatters().time.format(at);
export const shortTime = (at) => formatters().short.format(at);
export const longDate = (at) => formatters().date.format(at);
export const dayOf = (at) => formatters().day.format(at);
export const zoneName = (at) => formatters().zone.formatToParts(at).find((p) => p.type === 'timeZoneName')?.value ?? zone;

/** The whole of a time, for tooltips and screen readers. */
export const exactTime = (at) => `${longDate(at)} ${clockTime(at)} ${zoneName(at)}`;

/** `14:05` today, otherwise with the day. */
export function whenShort(at) {
  const { key } = formatters();
  return key.format(at) === key.format(now()) ? shortTime(at) : `${dayOf(at)} ${shortTime(at)}`;
}

/** "6 menit lalu". */
export function ago(at) {
  const seconds = Math.max(0, Math.floor((now() - at) / 1000));
  if (seconds < 10) return t('time.now');
  if (seconds < 60) return t('time.seconds', { n: seconds });
  if (seconds < 3600) return t('time.minutes', { n: Math.floor(seconds / 60) });
  const { key } = formatters();
  if (key.format(at) === key.format(now())) {
    return t('time.hours', { h: Math.floor(seconds / 3600), m: Math.floor(seconds / 60) % 60 });
  }
  if (key.format(at) === key.format(now() - 86_400_000)) return t('time.yesterday', { time: shortTime(at) });
  return `${dayOf(at)} ${shortTime(at)}`;
}

/** A duration to read at a glance: "25 dtk", "5 mnt", "3 jam 12 mnt". */
export function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return t('time.long.seconds', { n: s });
  if (s < 3600) return t('time.long.minutes', { n: Math.floor(s / 60) });
  if (s < 86_400) return t('time.long.hours', { h: Math.floor(s / 3600), m: Math.floor(s / 60) % 60 });
  return t('time.long.days', { n: Math.floor(s / 86_400) });
}

/** A duration to the second: thresholds are settings, not impressions. */
export function exactDuration(seconds) {
  const rest = seconds % 60;
  if (seconds < 60 || seconds >= 3600 || rest === 0) return duration(seconds);
  return t('time.long.minutesSeconds', { n: Math.floor(seconds / 60), s: rest });
}

// Days of the site: 'YYYY-MM-DD', counted as the calendar does, whatever the clocks do.

/** The day of the site at a moment. */
export const dayKey = (at) => formatters().key.format(at);
export const today = () => dayKey(now());

const noon = (day) => Date.parse(`${day}T12:00:00Z`);

/** The day so many days later. */
export const addDays = (day, days) => new Date(noon(day) + days * 86_400_000).toISOString().slice(0, 10);
/** How many days lie between two, both counted. */
export const countDays = (from, to) => Math.round((noon(to) - noon(from)) / 86_400_000) + 1;
/** 0 for a Monday. */
export const weekdayOf = (day) => (new Date(noon(day)).getUTCDay() + 6) % 7;

/** "Sen, 23 Nov 2026" of a day. */
export function dayName(day, options = { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }) {
  const locale = currentLanguage() === 'id' ? 'id-ID' : 'en-GB';
  return new Intl.DateTimeFormat(locale, { timeZone: 'UTC', ...options }).format(noon(day));
}

/** The weekdays' short names, Monday first. */
export const weekdayNames = () => [...Array(7).keys()].map((n) => dayName(addDays('2026-11-23', n), { weekday: 'short' }));

/** A moment of the site's day and clock ('2026-11-23', '08:00'), as RFC 3339; null for one that is none. */
export function siteMoment(day, time) {
  const asUtc = Date.parse(`${day}T${time.length === 5 ? `${time}:00` : time}Z`);
  if (!Number.isFinite(asUtc)) return null;
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit',
    hour: '2-digit', minute: '2-digit', second: '2-digit' });
  const offsetAt = (at) => {
    const p = Object.fromEntries(parts.formatToParts(at).map(({ type, value }) => [type, value]));
    return Date.parse(`${p.year}-${p.month}-${p.day}T${p.hour}:${p.minute}:${p.second}Z`) - Math.floor(at / 1000) * 1000;
  };
  // Once for the offset, once more where the clocks change in between.
  const first = asUtc - offsetAt(asUtc);
  return new Date(asUtc - offsetAt(first)).toISOString();
}

/** "7:58", rounded down; nothing for none where `empty` says so. */
export function hours(seconds, empty = null) {
  if (seconds === 0 && empty !== null) return empty;
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`;
}

/** Seconds of "7:58" or "7.58"; null for anything else. */
export function parseHours(text) {
  const match = /^(\d{1,3})[:.](\d{2})$/.exec(text.trim());
  return match && Number(match[2]) < 60 ? Number(match[1]) * 3600 + Number(match[2]) * 60 : null;
}
