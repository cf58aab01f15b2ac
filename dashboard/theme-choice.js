// The reader's choice between light and dark. theme.js applies it before the first paint.

export const currentTheme = () => document.documentElement.dataset.theme ?? 'system';

export function chooseTheme(theme) {
  try {
    if (theme === 'system') localStorage.removeItem('hadir.theme');
    else localStorage.setItem('hadir.theme', theme);
  } catch {
    // Storage is blocked: the choice holds until the page is left.
  }
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  document.dispatchEvent(new Event('hadir:theme'));
}
