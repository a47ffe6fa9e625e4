// The text in the address: `#v1=...`, JSON that is deflated and written in base64url. It never leaves the
// browser: what stands behind a `#` is not sent to any server.

const MOST = 400_000;

const READERS = {
  // A version is never taken away: links that people have kept go on working.
  v1: async (data) => JSON.parse(await inflate(bytes(data))),
};

/** The address part for what is written. */
export async function write({ text, language, dims }) {
  const data = { text };
  if (language !== "spec") data.language = language;
  if (Object.keys(dims).length) data.dims = dims;
  return `v1=${base64(await deflate(JSON.stringify(data)))}`;
}

/** What an address holds: null where it holds nothing, an Error where that cannot be read. */
export async function read(hash) {
  const parts = hash.replace(/^#/, "").split("&");
  for (const part of parts) {
    const at = part.indexOf("=");
    const version = part.slice(0, at);
    if (at < 0 || !/^v\d+$/.test(version)) continue;
    if (!Object.hasOwn(READERS, version)) return new Error("This link is of a newer version of the page.");
    try {
      return checked(await READERS[version](part.slice(at + 1)));
    } catch {
      return new Error("This link cannot be read.");
    }
  }
  return null;
}

/** Whether the page stands inside another one. */
export function embedded(hash) {
  return hash.replace(/^#/, "").split("&").includes("embed");
}

function checked(found) {
  if (typeof found !== "object" || found === null || typeof found.text !== "string") throw new Error("no text");
  const dims = {};
  for (const [name, value] of Object.entries(found.dims ?? {})) {
    if (/^\p{L}\w{0,40}$/u.test(name) && /^[\w.,() >=-]{1,60}$/.test(String(value))) dims[name] = String(value);
  }
  return { text: found.text, language: found.language === "python" ? "python" : "spec", dims };
}

async function deflate(text) {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function inflate(data) {
  const reader = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    if (text.length > MOST) {
      await reader.cancel();
      throw new Error("too long");
    }
  }
}

function base64(data) {
  let text = "";
  for (const byte of data) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function bytes(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
}
