// What a page shows stands in its address (#/reports?from=…), so that it can be kept, sent on and gone back to.

/** What the address says behind the page's name. */
export const params = () => new URLSearchParams(location.hash.split('?')[1] ?? '');

/** The address of a page that shows this; what is null or empty is left out. */
export function addressOf(view, values) {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== ''));
  const text = query.toString();
  return `#/${view}${text ? `?${text}` : ''}`;
}

/** Shows this on the page, as a step that can be gone back. */
export function show(view, values) {
  const address = addressOf(view, values);
  if (address !== location.hash) location.hash = address;
}
