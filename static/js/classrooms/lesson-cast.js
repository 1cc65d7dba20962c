// The form of a new agent comes back open when something in it was not right.

document.querySelector("dialog[data-open-at-once]")?.showModal();
