// Measures the dashboard against a system under load: how soon it is useful, how quickly it answers, what it holds.

import { readFile } from 'node:fs/promises';
import * as system from './system.mjs';
import { DESK, launch, login } from './system.mjs';

const SECONDS = Number(process.env.HADIR_SECONDS ?? 60);
const ROUNDS = 5;
/** What has to hold. */
const MUST = { useful: 1500, interaction: 100, memory: 150 };

const browser = await launch();
const context = await browser.newContext({ viewport: DESK, locale: 'id-ID' });
const page = await context.newPage();
page.setDefaultTimeout(60_000);
let changes = 0;
page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => {
  if (typeof payload === 'string' && payload.startsWith('{"row"')) changes += 1;
  else if (typeof payload === 'string' && payload.includes('"type":"status"')) changes += 1;
}));
await login(page);
await page.locator('#tracking-list .row').first().waitFor();

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

// The first useful picture: who is missing can be read. The session is there, as on every morning.
const useful = [];
for (let round = 0; round < ROUNDS; round += 1) {
  await page.goto('about:blank');
  await page.goto(system.HADIR_URL, { waitUntil: 'commit' });
  useful.push(await page.evaluate(() => new Promise((resolve) => {
    const look = () => {
      const ready = document.querySelector('#tracking-list .row-name')?.textContent && /\d/.test(document.querySelector('.tile-number')?.textContent ?? '');
      if (ready) requestAnimationFrame(() => resolve(performance.now()));
      else requestAnimationFrame(look);
    };
    look();
  })));
}

// Real input, and the time until the frame that shows it (Event Timing).
await page.evaluate(() => {
  globalThis.timings = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (entry.interactionId) globalThis.timings.push({ name: entry.name, duration: entry.duration, on: entry.target?.id || entry.target?.className || entry.target?.tagName, view: document.body.dataset.view });
  }).observe({ type: 'event', durationThreshold: 16, buffered: true });
});
const began = Date.now();
changes = 0;
let interactions = 0;
const act = async (run) => {
  await run();
  interactions += 1;
  await page.waitForTimeout(300);
};
const view = (name) => act(() => page.click(`.nav a[data-view="${name}"]`));
while (Date.now() - began < SECONDS * 1000) {
  for (const key of ['present', 'absent', 'total']) await act(() => page.click(`.tile[data-key="${key}"]`));
  for (const letter of '42') await act(() => page.locator('#tracking-search').press(letter));
  await act(() => page.fill('#tracking-search', ''));
  await act(() => page.selectOption('#tracking-area', { index: 1 }));
  await act(() => page.selectOption('#tracking-area', ''));
  await act(() => page.locator('.camera-button').nth(3).click());
  await act(() => page.locator('#tracking-list .locate:not([disabled])').first().click());
  await act(() => page.mouse.wheel(0, 4000));
  await act(() => page.click('#bell'));
  await page.keyboard.press('Escape');
  await view('employees');
  await act(() => page.locator('#employee-search').press('7'));
  await view('alerts');
  await view('devices');
  await view('live');
}
const seconds = (Date.now() - began) / 1000;
const told = await page.evaluate(() => globalThis.timings);
const timings = told.map(({ duration }) => duration);
const longest = told.find(({ duration }) => duration === Math.max(...timings));
// Those below the threshold are not told one by one.
const all = [...timings, ...Array(Math.max(0, interactions - timings.length)).fill(8)].sort((a, b) => a - b);

const session = await context.newCDPSession(page);
await session.send('HeapProfiler.collectGarbage');
const { usedSize } = await session.send('Runtime.getHeapUsage');
const { processInfo } = await (await browser.newBrowserCDPSession()).send('SystemInfo.getProcessInfo');
const pss = await Promise.all(processInfo.filter(({ type }) => type === 'renderer').map(async ({ id }) =>
  Number(/^Pss:\s+(\d+)/m.exec(await readFile(`/proc/${id}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024));
const memory = Math.max(...pss);
await browser.close();

const line = (what, value, must) => console.log(`${what.padEnd(34)} ${value.padStart(12)}   ${must}`);
line('first useful picture, median', `${Math.round(median(useful))} ms`, `must be at most ${MUST.useful} ms`);
line('interactions', String(interactions), `while ${Math.round(changes / seconds)} rows a second arrived`);
line('until the next frame, median', `${median(all)} ms`, '');
line('98th percentile', `${all[Math.floor(all.length * 0.98)]} ms`, '');
line('longest', `${all.at(-1)} ms`, `must be at most ${MUST.interaction} ms${longest ? ` (${longest.name} on ${longest.on}, ${longest.view})` : ''}`);
line('JavaScript heap', `${Math.round(usedSize / 1048576)} MB`, '');
line('the page\'s process (PSS)', `${Math.round(memory)} MB`, `must be at most ${MUST.memory} MB`);
