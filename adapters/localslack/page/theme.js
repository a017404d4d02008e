// Light or dark: what the system says, until the person chooses. Not a module, so that it runs before the first paint.
"use strict";

(() => {
  const key = "signoff.theme";
  const root = document.documentElement;
  const chosen = localStorage.getItem(key);
  if (chosen) root.dataset.theme = chosen;

  const isDark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return;
    const say = () => {
      button.setAttribute("aria-label", isDark() ? "Use the light theme" : "Use the dark theme");
      button.title = button.getAttribute("aria-label") ?? "";
      button.classList.toggle("dark", isDark());
    };
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      localStorage.setItem(key, root.dataset.theme);
      say();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", say);
    say();
  });
})();
