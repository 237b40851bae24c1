// Prints, as JSON, what Khronos's validator says of each .glb file named.
const fs = require("node:fs");
const validator = require("gltf-validator");

async function main(paths) {
  const reports = {};
  for (const path of paths) {
    const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(path)), { maxIssues: 1000 });
    reports[path] = report.issues.messages.map(({ code, severity, pointer }) => ({ code, severity, pointer }));
  }
  console.log(JSON.stringify(reports));
}

main(process.argv.slice(2));
