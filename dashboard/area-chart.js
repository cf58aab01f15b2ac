// Areas over time: how many people were in which area in the course of a day, or how long one person was in each, day by day;
// and how many were counted there, named or not.

import { axis, chartPanel, tooltip } from './charts.js';
import { t } from './i18n.js';
import { areaName } from './store.js';
import { dayName, hours, shortTime } from './time.js';
import { areaColours, clock, hoursAround, minutesOf } from './timeline-chart.js';

/** Minutes that are one point of a day. */
const STEP = 15;

/** Spans in minutes, overlaps made one: two cameras of an area that see somebody at once see one person. */
function merged(spans) {
  const joined = [];
  for (const [from, to] of spans.sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** For each row a map from area (`null`: none) to the spans in it, in minutes since the row's midnight. */
function spansByArea(row) {
  const at = minutesOf(row.date);
  const spans = Map.groupBy(row.seen, (one) => one.area ?? null);
  return new Map([...spans].map(([area, all]) => [area, merged(all.map((one) => [at(one.from), at(one.to)]))]));
}

const overlap = (spans, from, to) => spans.reduce((sum, [begin, end]) => sum + Math.max(0, Math.min(end, to) - Math.max(begin, from)), 0);

/** The course of a day: points of time, and for an area the mean number of people in each. */
function course(rows) {
  const all = rows.flatMap((row) => [...row.values()].flat());
  const [first, last] = hoursAround(all.map(([from]) => from), all.map(([, to]) => to));
  const points = Array.from({ length: (last - first) / STEP }, (_, index) => first + index * STEP);
  const people = (area, from) => rows.reduce((sum, row) => sum + overlap(row.get(area) ?? [], from, from + STEP), 0) / STEP;
  return { names: points.map(clock), of: (area) => points.map((from) => people(area, from)) };
}

/** The panel, or nothing where nobody was seen; `byDay`: rows are days of one person. */
export function areasPanel(rows, byDay) {
  const seen = rows.map(spansByArea);
  const areas = [...new Set(seen.flatMap((row) => [...row.keys()]))];
  if (areas.length === 0) return null;
  const name = (area) => (area === null ? t('patterns.noArea') : areaName(area));
  areas.sort((a, b) => name(a).localeCompare(name(b)));
  const colourOf = areaColours();
  const { names, of } = byDay
    ? { names: rows.map((row) => dayName(row.date, { day: 'numeric', month: 'short' })), of: (area) => seen.map((row) => overlap(row.get(area) ?? [], -Infinity, Infinity) * 60) }
    : course(seen);
  const series = areas.map((area) => ({ area, name: name(area), data: of(area) }));
  const unit = byDay ? hours : (value) => value.toFixed(1);
  return chartPanel({
    key: 'areas', title: t('patterns.areas'), how: t(byDay ? 'patterns.areas.how.one' : 'patterns.areas.how'), summary: t('patterns.areas.summary', { n: areas.length }),
    table: { columns: [t(byDay ? 'column.date' : 'patterns.time'), ...series.map((one) => one.name)], rows: names.map((text, index) => [text, ...series.map((one) => unit(one.data[index]))]).filter((_, index) => series.some((one) => one.data[index] > 0)) },
    option: (colours) => ({
      grid: { left: 8, right: 16, top: 36, bottom: 8, containLabel: true },
      legend: { top: 0, left: 0, type: 'scroll', textStyle: { color: colours.text }, itemWidth: 12, itemHeight: 12 },
      tooltip: { ...tooltip(colours, (points) => [points[0].name, ...points.filter(({ value }) => value > 0).map(({ seriesName, value }) => `${seriesName}: ${unit(value)}`)].join('\n')),
        trigger: 'axis', axisPointer: { type: 'shadow' } },
      xAxis: { type: 'category', data: names, ...axis(colours) },
      yAxis: { type: 'value', ...axis(colours), axisLabel: { ...axis(colours).axisLabel, formatter: byDay ? hours : String }, minInterval: byDay ? 3600 : 1 },
      series: series.map((one) => ({ type: 'bar', name: one.name, data: one.data, stack: 'all', barCategoryGap: byDay ? '30%' : '5%', barMaxWidth: 48, itemStyle: { color: colourOf(one.area) } })),
    }),
  });
}

/** How many people the cameras of each area counted in a day, whoever they were; nothing where none looked. */
export function occupancyPanel({ areas, step_min: step }) {
  const known = areas.flatMap((one) => one.points.map(({ at }) => Date.parse(at)));
  if (known.length === 0) return null;
  const colourOf = areaColours();
  const first = Math.min(...known);
  const times = Array.from({ length: (Math.max(...known) - first) / (step * 60_000) + 1 }, (_, index) => first + index * step * 60_000);
  const names = times.map(shortTime);
  const series = areas.map(({ area, points }) => {
    const of = new Map(points.map((point) => [Date.parse(point.at), point]));
    return { area, name: areaName(area), points: times.map((at) => of.get(at) ?? null) };
  });
  const said = (point) => (point ? t('patterns.occupancy.said', { mean: point.mean.toFixed(1), most: point.most }) : '–');
  return chartPanel({
    key: 'occupancy', title: t('patterns.occupancy'), how: t('patterns.occupancy.how'), summary: t('patterns.occupancy.summary', { n: series.length }),
    table: { columns: [t('patterns.time'), ...series.map((one) => one.name)], rows: names.map((text, index) => [text, ...series.map((one) => said(one.points[index]))]) },
    option: (colours) => ({
      grid: { left: 8, right: 24, top: 36, bottom: 8, containLabel: true },
      legend: { top: 0, left: 0, type: 'scroll', textStyle: { color: colours.text }, itemWidth: 12, itemHeight: 12 },
      tooltip: { ...tooltip(colours, (points) => [points[0].name, ...points.map(({ seriesName, seriesIndex, dataIndex }) => `${seriesName}: ${said(series[seriesIndex].points[dataIndex])}`)].join('\n')), trigger: 'axis' },
      xAxis: { type: 'category', data: names, boundaryGap: false, ...axis(colours) },
      yAxis: { type: 'value', ...axis(colours), minInterval: 1 },
      // Where nobody looked the line has a gap: that is not an empty room.
      series: series.map((one) => ({ type: 'line', name: one.name, data: one.points.map((point) => point?.mean ?? null), connectNulls: false, symbolSize: 4,
        itemStyle: { color: colourOf(one.area) }, lineStyle: { width: 2 } })),
    }),
  });
}
