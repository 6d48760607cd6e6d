/** A run that starts servers, says where they are, and never comes to stopping them. */
import { privateRedis, privateServer } from "../src/index.ts"

const servers = [await privateServer("a run that is killed"), await privateRedis("a run that is killed")]
process.stdout.write(`${JSON.stringify(servers.map((server) => server?.url))}\n`)
setInterval(() => {}, 60_000)
