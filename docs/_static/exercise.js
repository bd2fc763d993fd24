// Exercises check themselves: no network, no library. Without this file the answers stand folded below the questions.
(function () {
  "use strict";

  // "−0,35", "1/3" and "8 %" are numbers as people write them.
  function number(text) {
    const [, written, percent] = text.trim().match(/^(.*?)\s*(%?)$/);
    const parts = written.replace(/[−–]/g, "-").replace(",", ".").split("/");
    if (parts.length > 2 || parts.some((part) => part.trim() === "")) return NaN;
    return parts.map(Number).reduce((a, b) => a / b) / (percent ? 100 : 1);
  }

  // Is it right? null where nothing has been answered yet.
  function judge(form) {
    if (form.dataset.choice !== undefined) {
      const chosen = form.querySelector("input:checked");
      return chosen === null ? null : chosen.value === form.dataset.choice;
    }
    const given = number(form.querySelector("input").value);
    if (!Number.isFinite(given)) return null;
    // A hair more than the tolerance: 0.36 is within 0.01 of 0.35, whatever floating point makes of it.
    return Math.abs(given - Number(form.dataset.answer)) <= Number(form.dataset.tolerance) * (1 + 1e-9) + 1e-12;
  }

  function tell(form, right) {
    const verdict = form.querySelector(".exercise-verdict");
    verdict.classList.toggle("is-right", right === true);
    verdict.classList.toggle("is-wrong", right === false);
    if (right === null) {
      verdict.textContent = form.dataset.choice === undefined ? "Type a number, such as 1.7 or 2/3." : "Choose one of the answers.";
      return;
    }
    // Copied into the live region, so that screen readers read it out.
    const told = form.querySelector(right ? ".exercise-right" : ".exercise-wrong").cloneNode(true);
    verdict.replaceChildren(...told.childNodes);
    // Whoever has tried may look.
    if (!right) form.querySelector(".exercise-answer").hidden = false;
  }

  function enliven(form) {
    form.querySelector(".exercise-controls").hidden = false;
    form.querySelector(".exercise-answer").hidden = true;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      tell(form, judge(form));
    });
  }

  document.querySelectorAll("form.exercise").forEach(enliven);
})();
