// tuf-js as a reader: each line of input asks for one refresh and some downloads, each line of output tells what was verified.
import fs from "node:fs";
import readline from "node:readline";
import { Updater } from "tuf-js";

async function read({ state, url, targetpaths, now }) {
  const updater = new Updater({
    metadataDir: `${state}/metadata`,
    metadataBaseUrl: `${url}metadata`,
    targetDir: `${state}/targets`,
    targetBaseUrl: `${url}targets`,
  });
  if (now) updater.trustedSet.referenceTime = new Date(now);
  await updater.refresh();
  const { root, timestamp, snapshot } = updater.trustedSet;
  const seen = { root: root.signed.version, timestamp: timestamp.signed.version, snapshot: snapshot.signed.version };
  const files = {};
  for (const targetpath of targetpaths) {
    const found = await updater.getTargetInfo(targetpath);
    files[targetpath] = found ? fs.readFileSync(await updater.downloadTarget(found), "base64") : null;
  }
  return { seen, files };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = await read(JSON.parse(line));
  } catch (error) {
    answer = { error: error.stack };
  }
  console.log(JSON.stringify(answer));
}
