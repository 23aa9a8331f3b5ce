// Answers line by line: first the rules by event type, then lists of events.
const readline = require("node:readline");
const { Engine } = require("json-rules-engine");

const engines = {};
let ready = false;

async function judge(events) {
  const matches = [];
  const start = process.cpuUsage();
  for (const event of events) {
    const found = await engines[event.type].run(event);
    matches.push(found.events.map((one) => one.type).sort());
  }
  const used = process.cpuUsage(start);
  return { seconds: (used.user + used.system) / 1e6, matches };
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const message = JSON.parse(line);
    let answer = "ready";
    if (ready) {
      answer = await judge(message);
    } else {
      for (const [type, rules] of Object.entries(message)) engines[type] = new Engine(rules, { allowUndefinedFacts: true });
      ready = true;
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
  }
})();
