// Who answers: the server of `seqtopo play`, or Python in a worker of this page.

/** Return `ask(text, options)`; `status` is told in words how far Python is. */
export function connect(config, status) {
  return config.answers === "server" ? server(status) : worker(status);
}

function server(status) {
  status("ready", "Python on this machine");
  return async (text, options) => {
    let response;
    try {
      response = await fetch("answer", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ text, options }),
      });
    } catch {
      status("failed", "seqtopo play is not running any more");
      return {};
    }
    if (!response.ok) {
      status("failed", (await response.text()).trim());
      return {};
    }
    status("ready", "Python on this machine");
    return response.json();
  };
}

function worker(status) {
  // A worker made of a blob has this page's security policy; one made of an address would have its own. In
  // Firefox its static imports go past the service worker, and would need the network.
  const url = JSON.stringify(new URL("worker.js", location.href).href);
  const start = `import(${url}).catch(() => postMessage({ status: "failed", words: "Python could not be loaded" }));`;
  const made = new Worker(URL.createObjectURL(new Blob([start], { type: "text/javascript" })), { type: "module" });
  const waiting = new Map();
  let number = 0;
  let begin;
  const listens = new Promise((resolve) => (begin = resolve)); // what is sent to it before that is lost
  status("loading", "Python is loading");
  made.addEventListener("error", () => status("failed", "Python could not be loaded"));
  made.addEventListener("message", ({ data }) => {
    if (data.status) {
      begin();
      return status(data.status, data.words);
    }
    waiting.get(data.id)?.(data.found);
    waiting.delete(data.id);
  });
  return async (text, options) => {
    await listens;
    return new Promise((resolve) => {
      number += 1;
      waiting.set(number, resolve);
      made.postMessage({ id: number, text, options });
    });
  };
}
