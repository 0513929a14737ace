// What is waited for is looked at again; without script there is a link.
const waiting = document.querySelector("[data-come-back]");
if (waiting) {
  setTimeout(() => location.replace(location.href), 1000 * Number(waiting.dataset.comeBack));
}
