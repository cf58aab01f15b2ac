// What every browser test needs: a page of a running system, logged in, and what was asked of whom.
//
// HADIR_URL, HADIR_USER and HADIR_PASSWORD say where it is and who logs in (an admin account);
// HADIR_PHONES is the address of the WhatsApp simulator's page, where there is one;
// HADIR_SCREENSHOTS is a folder for pictures of the pages; CHROMIUM is the browser, /usr/bin/chromium if not given.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';

export const { HADIR_URL, HADIR_USER, HADIR_PASSWORD, HADIR_PHONES, HADIR_SCREENSHOTS, CHROMIUM = '/usr/bin/chromium' } = process.env;
for (const [name, value] of Object.entries({ HADIR_URL, HADIR_USER, HADIR_PASSWORD })) {
  assert.ok(value, `Set ${name}: these tests run against a system that is already running.`);
}

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
export const DESK = { width: 1366, height: 768 };
export const PHONE = { width: 390, height: 844 };
/** People come and go in front of the cameras; this long may pass until one is recognised. */
export const RECOGNITION_MS = 150_000;
export const STEP_MS = 15_000;

export const launch = (...more) => chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS, ...more], timeout: 60_000 });

/** Writes down what a page complains of, and what it asks of anybody but this system. */
export function watch(page, complaints, foreign) {
  page.setDefaultTimeout(STEP_MS);
  page.on('console', (message) => {
    const expected = message.location().url.endsWith('/api/login') && message.text().includes('401');
    if (message.type() === 'error' && !expected) complaints.push(`${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => complaints.push(String(error.stack ?? error)));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (!['data:', 'blob:'].includes(url.protocol) && url.host !== new URL(HADIR_URL).host) foreign.push(request.url());
  });
}

export async function login(page, username = HADIR_USER, password = HADIR_PASSWORD) {
  await page.goto(HADIR_URL);
  await page.fill('#login-username', username);
  await page.fill('#login-password', password);
  await page.click('#login-submit');
  await page.locator('#app').waitFor();
}

export async function screenshot(page, name, options = {}) {
  if (!HADIR_SCREENSHOTS) return;
  const file = path.join(HADIR_SCREENSHOTS, `${name}.png`);
  await mkdir(path.dirname(file), { recursive: true });
  await page.screenshot({ path: file, ...options });
}

/** The aggregator's answer to the page's own session. */
export const ask = (page, address) => page.evaluate(async (at) => (await fetch(at)).json(), address);

/** Asks the aggregator to change something, as the page's own session; gives the status of its answer. */
export const send = (page, method, address, body) => page.evaluate(async ([method_, address_, json]) => {
  const answer = await fetch(address_, { method: method_, headers: { 'content-type': 'application/json' }, body: json });
  return answer.status;
}, [method, address, body && JSON.stringify(body)]);

export async function until(what, ms, check) {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    const last = await check();
    if (last) return last;
    await new Promise((resolve) => { setTimeout(resolve, 250); });
  }
  return assert.fail(`${what} did not happen within ${ms / 1000} s`);
}
