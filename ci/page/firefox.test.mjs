// The built page in Firefox, as far as browsers differ: node --test firefox.test.mjs
// SITE is the folder of the page, FIREFOX the program, SHOTS a folder for screenshots. Firefox is driven by the
// protocol that it speaks itself, WebDriver BiDi.
import assert from "node:assert/strict";
import { createReadStream, existsSync, mkdirSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import puppeteer from "puppeteer-core";

const { SITE, FIREFOX, SHOTS } = process.env;
const TYPES = {
  ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css",
  ".json": "application/json", ".svg": "image/svg+xml", ".wasm": "application/wasm",
};
const SLOW = 180_000; // Python may take long to load on a machine with much else to do
const SPEC = "in(T,8) -> lstm(64,seq) -> lstm(32) -> dense(1)";
const WRONG = "in(T,8) -> lstm(64) -> lstm(32) -> dense(1)";
const CODE = `from keras import Input, Sequential, layers
model = Sequential([Input((10, 4)), layers.LSTM(8), layers.LSTM(4)])
`;

/** A static host that can be switched off. */
function host() {
  const server = createServer((request, response) => {
    const path = join(SITE, normalize(decodeURI(new URL(request.url, "http://host").pathname)));
    const file = path.endsWith("/") ? `${path}index.html` : path;
    if (!existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
    return createReadStream(file).pipe(response);
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve({
    url: `http://127.0.0.1:${server.address().port}/`,
    stop: () => new Promise((stopped) => (server.close(stopped), server.closeAllConnections())),
  })));
}

let browser;
let site;
let page;
let wrong;

before(async () => {
  if (SHOTS) mkdirSync(SHOTS, { recursive: true });
  browser = await puppeteer.launch({ browser: "firefox", executablePath: FIREFOX, headless: true, protocolTimeout: SLOW });
  console.log(await browser.version());
});
after(() => browser?.close());

beforeEach(async () => {
  site = await host();
  await opened({ width: 1300, height: 850 });
});
afterEach(async () => {
  await page.close();
  await site.stop();
  assert.deepEqual(wrong, []);
});

/** A fresh page; what goes wrong on it fails the test. */
async function opened(viewport) {
  page = await (await browser.createBrowserContext()).newPage();
  page.setDefaultTimeout(SLOW);
  await page.setViewport(viewport);
  wrong = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (line) => ["error", "warn"].includes(line.type()) && wrong.push(line.text()));
  page.on("dialog", (dialog) => (wrong.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
}

/** Open the page, and return the seconds until it shows the first result. */
async function open(hash = "") {
  const started = performance.now();
  await page.goto("about:blank");
  await page.goto(site.url + hash, { waitUntil: "domcontentloaded" });
  await page.waitForSelector("#table td");
  return (performance.now() - started) / 1000;
}

async function shows(selector, words) {
  const is = (selector, words) => document.querySelector(selector)?.textContent.includes(words);
  await page.waitForFunction(is, {}, selector, words).catch(async (error) => {
    const found = await page.$eval(selector, (place) => place.textContent).catch(() => "nothing");
    throw new Error(`${selector} shows not ${words} but ${found}`, { cause: error });
  });
}

const text = () => page.$$eval("#editor .cm-line", (lines) => lines.map((line) => line.textContent).join("\n"));

async function pressed(key) {
  await page.keyboard.down("Control");
  await page.keyboard.press(key);
  await page.keyboard.up("Control");
}

async function write(words) {
  await page.click("#editor .cm-content");
  await pressed("a");
  await page.keyboard.press("Backspace");
  await page.keyboard.type(words);
}

async function press(selector, words) {
  await page.waitForFunction((selector, words) =>
    [...document.querySelectorAll(selector)].some((one) => one.textContent.includes(words)), {}, selector, words);
  for (const one of await page.$$(selector)) {
    if ((await one.evaluate((button) => button.textContent)).includes(words)) return one.click();
  }
  throw new Error(`there is no ${selector} with ${words}`);
}

const seen = (name) => SHOTS && page.screenshot({ path: join(SHOTS, `firefox-${name}.png`) });

test("typing is answered, a fix is made, and all of it goes on without a network", async () => {
  const cold = await open();
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  await write(WRONG);
  await shows("#summary", "1 error");
  await shows("#problems .message", "lstm takes (T, F) but is given (64,)");
  await page.waitForSelector("#editor .cm-lintRange-error");
  await seen("wrong");
  await press("button.fix", "add seq to the lstm before it");
  await shows("#summary", "No problems");
  assert.equal(await text(), SPEC);
  await shows("#kind", "31,137");
  await page.waitForFunction(() => document.querySelector("#unrolled img")?.naturalWidth > 100);
  await seen("light");
  await press("[role=tab]", "Keras code");
  await shows("#panel-code .cm-content", "LSTM(64, return_sequences=True");
  await press("[role=tab]", "In words");
  await page.waitForFunction(() => document.querySelectorAll("#panel-walk li").length === 4);
  await new Promise((resolve) => setTimeout(resolve, 1500)); // the address follows the text after a pause
  const hash = await page.evaluate(() => location.hash);
  const cached = await open(hash);
  await site.stop();
  const offline = await open(hash);
  await shows("#kind", "31,137");
  assert.equal(await text(), SPEC);
  console.log(`first result: ${[cold, cached, offline].map((s) => s.toFixed(1)).join(" s, again ")} s without a network`);
});

test("Keras code that is pasted is read, and becomes a spec", async () => {
  await open();
  await page.evaluate((code) => {
    const field = document.body.appendChild(document.createElement("textarea"));
    field.value = code;
    field.focus();
    field.select();
  }, CODE);
  await pressed("c");
  await page.evaluate(() => document.body.lastElementChild.remove());
  await page.click("#editor .cm-content");
  await pressed("a");
  await pressed("v");
  await page.waitForSelector("[data-language=python][aria-checked=true]");
  await shows("#problems .code", "ST301");
  await press("button.fix", "add return_sequences=True");
  await shows("#summary", "No problems");
  await press("[role=tab]", "As a spec");
  await shows("#panel-code .cm-content", "in(10,4) -> lstm(8,seq) -> lstm(4)");
  await press("button", "Take it over as a spec");
  await page.waitForSelector("[data-language=spec][aria-checked=true]");
  await shows("#summary", "No problems");
});

test("a hostile hash and a name like a script do nothing", async () => {
  const kept = "v1=q1YqSa0oUbJSyszTCNGx0FTQtVPIKS7J1TAz0SlOLUTwjY3A7JTUvOJUDUNNpVoA";
  const bomb = () => {
    const stream = new Blob(['{"text":"', "a".repeat(30_000_000), '"}']).stream();
    return new Response(stream.pipeThrough(new CompressionStream("deflate-raw"))).arrayBuffer().then((data) =>
      btoa(Array.from(new Uint8Array(data), (byte) => String.fromCharCode(byte)).join(""))
        .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""));
  };
  await open();
  const hostile = [
    "v1=%%%", "v9=q1Yq", "v1=<img src=x onerror=alert(1)>", "__proto__=1&constructor=2&v1",
    `v1=${"A".repeat(20_000)}`, `v1=${await page.evaluate(bomb)}`,
  ];
  const lesson = await text();
  for (const hash of hostile) {
    await page.evaluate((hash) => (location.hash = hash), hash);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(await text(), lesson);
  }
  await open(`#${hostile[2]}`);
  await shows("#lesson h2", "What are time steps?");
  assert.equal(await text(), lesson);
  await open(`#${kept}`);
  await shows("#kind", "31,137");
  for (const words of ["in(T,8) -> lstm(4,name='<img src=x onerror=alert(1)>') -> dense(1)", "<script>alert(1)</script>"]) {
    await write(words);
    await shows("#editor", words);
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(await page.$$eval("img[src=x], script:not([src])", (all) => all.length), 0);
  }
});

test("pictures and texts can be downloaded", async () => {
  await open();
  await page.waitForFunction(() => document.querySelector("#unrolled img")?.naturalWidth > 100);
  await page.evaluate(() => {
    window.given = [];
    HTMLAnchorElement.prototype.click = function () {
      if (this.download) window.given.push(fetch(this.href).then(async (response) => [this.download, [...new Uint8Array(await response.arrayBuffer())].slice(0, 8)]));
    };
  });
  for (const words of ["Drawing as SVG", "Drawing as PNG", "Time steps as PNG", "Keras code (.py)", "Markdown (.md)"]) {
    const before = await page.evaluate(() => window.given.length);
    await page.click("#export summary");
    await press("#export button", words);
    await page.waitForFunction((before) => window.given.length > before, {}, before);
  }
  const found = (await page.evaluate(() => Promise.all(window.given))).map(([name, data]) => [name, String.fromCharCode(...data)]);
  assert.deepEqual(found, [
    ["drawing.svg", "<svg xmln"], ["drawing.png", "\x89PNG\r\n\x1a\n"], ["steps.png", "\x89PNG\r\n\x1a\n"],
    ["model.py", '"""A Kera'], ["model.md", "# many-to"],
  ].map(([name, begins]) => [name, begins.slice(0, 8)]));
});

test("it is used by keys alone, in the dark and on a phone", async () => {
  await page.close();
  await opened({ width: 390, height: 844 });
  await open();
  await write(WRONG);
  await shows("#summary", "1 error");
  await pressed(".");
  await shows("#summary", "No problems");
  assert.equal(await text(), SPEC);
  await shows("#kind", "31,137");
  for (let i = 0; i < 8; i++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.getAttribute("role") === "tab")) break;
  }
  for (const panel of ["#panel-code", "#panel-walk", "#panel-model"]) {
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((panel) => document.querySelector(panel).checkVisibility(), {}, panel);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390, panel);
  }
  await page.waitForFunction(() => document.querySelector("#drawing img")?.naturalWidth > 100);
  await seen("phone");
  const light = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.click("#theme");
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), light);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await seen("dark");
});
