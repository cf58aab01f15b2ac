// The aggregator's HTTP interface. Every failure is an ApiError with a code of docs/api.md, or `network`.

import { currentLanguage } from './i18n.js';

export class ApiError extends Error {
  constructor(status, { code = 'internal', message = '', field = null, reason = null } = {}) {
    super(message);
    this.name = 'ApiError';
    Object.assign(this, { status, code, field, reason });
  }
}

/** Calls the aggregator; gives the parsed body, or null for an empty one. */
export async function api(method, path, body, { timeout = 15_000 } = {}) {
  const headers = { 'accept-language': currentLanguage() };
  const options = { method, headers, credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(timeout) };
  if (body instanceof FormData) {
    options.body = body;
  } else if (body instanceof Blob) {
    options.body = body;
    headers['content-type'] = 'text/csv';
  } else if (body !== undefined) {
    options.body = JSON.stringify(body);
    headers['content-type'] = 'application/json';
  }
  let response;
  let text;
  try {
    response = await fetch(path, options);
    text = await response.text();
  } catch {
    throw new ApiError(0, { code: 'network' });
  }
  let parsed = null;
  try {
    parsed = text === '' ? null : JSON.parse(text);
  } catch {
    // A proxy's error page is no JSON; the status says enough.
  }
  if (response.ok) return parsed;
  const code = response.status === 403 ? 'forbidden' : response.status >= 500 ? 'unavailable' : 'internal';
  const error = new ApiError(response.status, parsed?.error ?? { code });
  if (response.status === 401 && path !== '/api/login') document.dispatchEvent(new Event('hadir:session-over'));
  throw error;
}

export const get = (path) => api('GET', path);
export const post = (path, body = {}) => api('POST', path, body);
export const employeePath = (id, rest = '') => `/api/employees/${encodeURIComponent(id)}${rest}`;

/** The address of a WebSocket on this host. */
export function socketAddress(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

/** How long to wait before the n-th attempt to reconnect: 0.5 s doubling to 8 s, spread by a quarter. */
export const backoff = (attempt) => Math.min(8000, 500 * 2 ** attempt) * (0.75 + Math.random() / 2);
