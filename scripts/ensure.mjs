// Runs a command with the right dependencies under the right Node: `node scripts/ensure.mjs <command> [arguments]`.
//
// It is plain JavaScript without dependencies, because it is what runs before anything is installed and on any Node
// from 20 on. Standard output belongs to the command alone; everything said here goes to standard error.

import { spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { constants } from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const modules = path.join(root, "node_modules")
const lock = path.join(root, ".ensure.lock")
const wantedNode = [22, 19]
const forwarded = ["SIGINT", "SIGTERM", "SIGHUP"]

// The holder of the lock touches it every second. A lock nobody has touched for this long was left by a crash.
const abandonedMillis = 20_000
const waitMillis = 10 * 60_000

if (process.argv.length < 3)
  stop("Say which command to run, for example: node scripts/ensure.mjs node scripts/verify.ts")
if (!isInstalled()) await installAlone()
run(chooseNode(), process.argv[2], process.argv.slice(3))

/**
 * Compares the lockfile with the copy npm keeps of what it really installed. The comparison of the two is exact, also
 * after a `git pull` or an interrupted install, and costs a few milliseconds.
 */
function isInstalled() {
  const wanted = packagesOf(path.join(root, "package-lock.json"))
  if (wanted === undefined) stop("package-lock.json is missing or cannot be read. Restore it with git.")
  const installed = packagesOf(path.join(modules, ".package-lock.json"))
  if (installed === undefined) return false
  for (const [name, entry] of wanted) {
    const found = installed.get(name)
    // Binaries for other platforms are optional and rightly absent.
    if (found === undefined && entry.optional) continue
    if (found?.version !== entry.version || found?.integrity !== entry.integrity || found?.link !== entry.link)
      return false
  }
  for (const name of installed.keys()) if (!wanted.has(name)) return false
  return true
}

function packagesOf(file) {
  try {
    const { packages } = JSON.parse(fs.readFileSync(file, "utf8"))
    return new Map(Object.entries(packages).filter(([name]) => name.startsWith("node_modules/")))
  } catch {
    return undefined
  }
}

/** Installs while holding the lock, so that two commands started together do not write into one folder. */
async function installAlone() {
  await takeLock()
  const heartbeat = setInterval(() => fs.utimesSync(lock, new Date(), new Date()), 1000)
  const release = () => {
    clearInterval(heartbeat)
    fs.rmSync(lock, { force: true })
  }
  try {
    // Whoever held the lock before may have installed already.
    if (isInstalled()) return
    say("Installing the dependencies that package-lock.json lists (npm ci).")
    const code = await npmCi()
    if (code !== 0) {
      release()
      stop("npm ci did not finish, so nothing was run.", code)
    }
  } finally {
    release()
  }
}

async function takeLock() {
  const deadline = Date.now() + waitMillis
  for (let waits = 0; ; waits++) {
    try {
      fs.writeFileSync(lock, `${process.pid}\n`, { flag: "wx" })
      return
    } catch (error) {
      if (error.code !== "EEXIST") throw error
    }
    if (waits === 0) say("Another command is installing the dependencies. Waiting for it.")
    removeAbandonedLock()
    if (Date.now() > deadline) stop(`The other install has not finished. If none is running, delete ${lock}.`)
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

function removeAbandonedLock() {
  // Renaming is atomic: of several commands that find the same abandoned lock, one moves it and the others find none.
  const aside = `${lock}.${process.pid}`
  try {
    if (Date.now() - fs.statSync(lock).mtimeMs < abandonedMillis) return
    fs.renameSync(lock, aside)
    fs.rmSync(aside)
  } catch (error) {
    if (error.code !== "ENOENT") throw error
  }
}

function npmCi() {
  // Started by npm, we use the same npm. Its standard output is sent to our standard error. Development dependencies
  // are asked for by name, since NODE_ENV=production would leave them out. Only errors are let through: the warnings
  // are about the Node that installs, and the command runs on another.
  const cli = process.env.npm_execpath
  const words = ["ci", "--include=dev", "--loglevel=error"]
  const [command, args] = cli?.endsWith("js") ? [process.execPath, [cli, ...words]] : ["npm", words]
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", 2, 2] })
  // A signal goes to npm, and we leave only after it has: nobody may install while it still cleans up.
  let stoppedBy = 0
  for (const signal of forwarded) {
    process.on(signal, () => {
      stoppedBy = 128 + constants.signals[signal]
      child.kill(signal)
    })
  }
  return new Promise((resolve) => {
    child.on("error", (error) => {
      say(`npm could not be started: ${error.message}`)
      resolve(1)
    })
    child.on("close", (code) => {
      for (const signal of forwarded) process.removeAllListeners(signal)
      resolve(stoppedBy || (code ?? 1))
    })
  })
}

/** The Node that package.json pins when it runs on this machine, else a recent enough Node of the system. */
function chooseNode() {
  const pinned = path.join(modules, "node", "bin", process.platform === "win32" ? "node.exe" : "node")
  if (versionOf(pinned) !== undefined) return pinned
  const folders = (process.env.PATH ?? "").split(path.delimiter).filter((folder) => !folder.startsWith(modules))
  for (const candidate of [process.execPath, ...folders.map((folder) => path.join(folder, "node"))]) {
    const version = versionOf(candidate)
    if (version === undefined || !isRecent(version)) continue
    say(`The pinned Node cannot run here, so this uses Node ${version} of the system.`)
    return candidate
  }
  stop("Install Node 24, or at least 22.19: the pinned Node cannot run here, and the system has no recent one.")
}

function versionOf(node) {
  if (node === process.execPath) return process.versions.node
  if (!fs.existsSync(node)) return undefined
  const { status, stdout } = spawnSync(node, ["--version"], { encoding: "utf8" })
  return status === 0 ? stdout.trim().replace(/^v/, "") : undefined
}

function isRecent(version) {
  const [major, minor] = version.split(".").map(Number)
  return major > wantedNode[0] || (major === wantedNode[0] && minor >= wantedNode[1])
}

/** Becomes the command as far as anyone outside can tell: its streams, its signals, its exit code. */
function run(node, command, args) {
  const PATH = [path.dirname(node), path.join(modules, ".bin"), process.env.PATH].join(path.delimiter)
  const child = spawn(command === "node" ? node : command, args, { stdio: "inherit", env: { ...process.env, PATH } })
  for (const signal of forwarded) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the whole group, and the command must not take one press for two.
      if (!(signal === "SIGINT" && process.stdin.isTTY)) child.kill(signal)
    })
  }
  if (process.env.npm_lifecycle_event !== undefined) whenParentGoes(() => child.kill("SIGTERM"))
  child.on("error", (error) => stop(`${command} could not be started: ${error.message}`, 127))
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

/** npm hands a SIGTERM to its shell alone, which leaves us behind with a command that nobody could end any more. */
function whenParentGoes(then) {
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    then()
  }, 250)
}

function say(sentence) {
  process.stderr.write(`${sentence}\n`)
}

function stop(sentence, code = 1) {
  say(sentence)
  process.exit(code)
}
