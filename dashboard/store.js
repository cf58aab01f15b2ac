// What the page knows, and who wants to hear when it changes. The aggregator is the truth; this is its copy.

import { get } from './api.js';
import { now } from './time.js';

export const store = {
  me: null,
  /** Which parts have been read from the server since the login. */
  loaded: new Set(),
  areas: [],
  cameras: [],
  agents: [],
  /** Sightings that were not taken in, and badges that were in two places at once. */
  setAside: [],
  badgeConflicts: [],
  /** Rows of /api/status by employee id. */
  status: new Map(),
  summary: null,
  notices: [],
  employees: [],
  /** Alerts by id. */
  alerts: new Map(),
  /** What an administrator must know, by its key. */
  banners: new Map(),
  /** The id of the camera on the live panel. */
  camera: null,
  /** The id of the employee whose location is tracked. */
  tracked: null,
};

const listeners = new Map();

/** Calls `listener` whenever one of the topics changes. */
export function on(topics, listener) {
  for (const topic of topics.split(' ')) {
    if (!listeners.has(topic)) listeners.set(topic, new Set());
    listeners.get(topic).add(listener);
  }
}

export function emit(topic) {
  for (const listener of listeners.get(topic) ?? []) {
    try {
      listener();
    } catch (error) {
      // One part of the page that fails must not keep the others from hearing.
      reportError(error);
    }
  }
}

export const seesPeople = () => store.me !== null && store.me.role !== 'technician';
export const seesDevices = () => store.me !== null && store.me.role !== 'supervisor';
export const seesSetAside = () => store.me !== null && ['admin', 'technician'].includes(store.me.role);
export const changesEmployees = () => store.me !== null && ['admin', 'hr'].includes(store.me.role);

export const cameraById = (id) => store.cameras.find((camera) => camera.id === id) ?? null;
export const areaName = (id) => store.areas.find((area) => area.id === id)?.name ?? id;

const LOADERS = {
  areas: () => get('/api/areas'),
  cameras: () => get('/api/cameras'),
  agents: () => get('/api/agents'),
  setAside: () => get('/api/set-aside'),
  badgeConflicts: () => get('/api/badge-conflicts'),
  summary: () => get('/api/summary'),
  notices: () => get('/api/notices'),
  employees: () => get('/api/employees'),
  status: async () => new Map((await get('/api/status')).map((row) => [row.employee, row])),
  // Of the past the newest; what is open in any case.
  alerts: async () => {
    const [past, open] = await Promise.all([get('/api/alerts?state=all'), get('/api/alerts?state=open')]);
    return new Map([...past, ...open].map((alert) => [alert.id, alert]));
  },
};

/** By topic: what was told of single rows while the whole is being read, and is newer than the answer. */
const meanwhile = new Map();

/** A row of `status` or `alerts` as an event told it. */
export function takeRow(topic, key, row) {
  store[topic].set(key, row);
  for (const rows of meanwhile.get(topic) ?? []) rows.set(key, row);
}

/** Fetches the named parts anew and tells who listens. */
export async function load(...topics) {
  await Promise.all(topics.map(async (topic) => {
    const newer = new Map();
    if (!meanwhile.has(topic)) meanwhile.set(topic, new Set());
    meanwhile.get(topic).add(newer);
    try {
      const read = await LOADERS[topic]();
      for (const [key, row] of newer) read.set(key, row);
      store[topic] = read;
    } finally {
      meanwhile.get(topic).delete(newer);
    }
    store.loaded.add(topic);
    emit(topic);
  }));
}

/** What has to be read after every connect. */
export function topicsInSight() {
  const topics = ['areas', 'cameras'];
  if (seesPeople()) topics.push('status', 'summary', 'notices', 'employees', 'alerts');
  if (seesDevices()) topics.push('agents');
  if (seesSetAside()) topics.push('setAside');
  if (changesEmployees()) topics.push('badgeConflicts');
  return topics;
}

/** Made once: a collator of its own for every comparison would take most of the time of sorting thousands. */
const names = new Intl.Collator(undefined, { sensitivity: 'base' });
const URGENCY = { absent: 0, off: 1, unknown: 2, available: 3, exempt: 4 };

/** Where each name stands among all: comparing names by the rules of language is slow, and they seldom change. */
let places = new Map();

function placesOf(rows) {
  if (rows.some((row) => !places.has(row.name))) {
    const all = new Set([...store.status.values(), ...rows].map((row) => row.name));
    places = new Map([...all].sort(names.compare).map((name, place) => [name, place]));
  }
  return places;
}

/** Most urgent first: absent longest first, then off, unknown, available, exempt; then by name. */
export function sortByUrgency(rows) {
  const place = placesOf(rows);
  const keyed = rows.map((row) => {
    const rank = URGENCY[row.state];
    const since = rank <= 1 ? Date.parse(row.last_seen ?? row.since) || 0 : 0;
    return { row, rank, since, place: place.get(row.name) };
  });
  keyed.sort((a, b) => a.rank - b.rank || a.since - b.since || a.place - b.place);
  return keyed.map(({ row }) => row);
}

/** Seconds since an RFC 3339 time. */
export const secondsSince = (text) => Math.max(0, (now() - Date.parse(text)) / 1000);
