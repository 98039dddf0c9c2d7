// Reports runs of a job with Cronitor's library for Node.
//
//   node cronitor.js <base address> <api key>
const [base, key] = process.argv.slice(2);
const cronitor = require('cronitor')(key, { env: 'staging' });
cronitor._api.pingUrl = (monitor) => `${base}/ping/${key}/${monitor}`;

async function report() {
  const job = new cronitor.Monitor('Nightly Job');
  const beat = new cronitor.Monitor('heartbeat');
  const sent = [
    await job.ping({ state: 'run', series: 's1' }),
    await job.ping({ state: 'complete', series: 's1', message: 'ok 50% & done', host: 'h1', metrics: { count: 5, error_count: 0, duration: 1.5 } }),
    await job.ping({ state: 'fail', message: 'no space left' }),
    await job.ok({}),
    await beat.ping(),
  ];
  await cronitor.wrap('wrapped job', async () => 7)();
  await cronitor.wrap('wrapped job', async () => { throw new Error('boom'); })().catch(() => {});
  return sent;
}

report().then((sent) => console.log(JSON.stringify(sent)));
