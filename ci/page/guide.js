// A spec opens in place of its link; with a key held down the link opens in a window of its own.
for (const link of document.querySelectorAll(".try a")) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const frame = document.createElement("iframe");
    frame.src = `${link.href}&embed`;
    frame.title = "The spec in the playground";
    link.parentElement.replaceWith(frame);
    frame.focus();
  });
}
