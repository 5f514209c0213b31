// tuf-js as a reader of releases that are handed to it: each line of input is a list of readings, each line of output what came of them.
import { createRequire } from "node:module";
import readline from "node:readline";
import { Updater } from "tuf-js";

const require = createRequire(import.meta.url);
const { DownloadHTTPError, DownloadLengthMismatchError } = require("./node_modules/tuf-js/dist/error.js");

const URL_OF_METADATA = "https://memory.invalid/metadata/";

// What the client remembers, while it is being made: its constructor reads the root already.
let remembered;

class InMemory extends Updater {
  loadLocalMetadata(name) {
    if (!(name in remembered)) throw new Error(`no ${name}`);
    return remembered[name];
  }
  persistMetadata(name, bytes) {
    remembered[name] = bytes;
  }
}

class Files {
  constructor(files) {
    this.files = new Map(Object.entries(files));
  }
  async downloadBytes(url, maxLength) {
    const name = decodeURIComponent(url.slice(URL_OF_METADATA.length));
    if (!this.files.has(name)) throw new DownloadHTTPError(`${name} is missing`, 404);
    const bytes = Buffer.from(this.files.get(name), "utf8");
    if (bytes.length > maxLength) throw new DownloadLengthMismatchError(`${name} is too long`);
    return bytes;
  }
}

async function read({ first_root, files, now, targetpaths }) {
  remembered = { __proto__: null, root: Buffer.from(first_root, "utf8") };
  const updater = new InMemory({ metadataDir: "", metadataBaseUrl: URL_OF_METADATA, fetcher: new Files(files) });
  updater.trustedSet.referenceTime = new Date(now);
  await updater.refresh();
  const { root, timestamp, snapshot } = updater.trustedSet;
  const found = [];
  for (const targetpath of targetpaths) {
    const info = await updater.getTargetInfo(targetpath);
    found.push(info ? { length: info.length, hashes: info.hashes } : null);
  }
  return { seen: { root: root.signed.version, timestamp: timestamp.signed.version, snapshot: snapshot.signed.version }, found };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const answers = [];
  for (const reading of JSON.parse(line)) {
    answers.push(await read(reading).catch((error) => ({ error: error.stack })));
  }
  console.log(JSON.stringify(answers));
}
