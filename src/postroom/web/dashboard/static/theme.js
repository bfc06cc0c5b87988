// Before anything is painted: light or dark, as it was chosen here.
(() => {
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch { /* A browser that keeps nothing goes by its own. */ }
})();
