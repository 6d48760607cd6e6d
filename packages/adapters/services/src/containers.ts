/**
 * Servers in containers of the images that docker-compose.yml names, so that all tests mean one version of each. Whatever
 * becomes of this process, the containers end with it: testcontainers sees to that with a container of its own.
 *
 * That no engine is a failure, told loudly, is tested everywhere; that a container starts, is killed and starts again only
 * where an engine answers. It was run so once, with images of our own in place of those named, which could not be fetched.
 */
import { readFileSync } from "node:fs"
import { freePort } from "./freePort.ts"
import { commandMillis } from "./limits.ts"

/** A server in a container. */
export interface Contained {
  readonly port: number
  /** Kills all of its processes. The container stays behind, with its data and its port. */
  readonly kill: () => Promise<void>
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

export interface Contents {
  readonly environment: Readonly<Record<string, string>>
  readonly command: ReadonlyArray<string>
  /** Waits until the server on a port of this machine answers, or gives up where it has ended. */
  readonly untilReady: (port: number, ended: () => string | undefined) => Promise<void>
}

/** Why no container can be started; undefined where one can. */
export const engineTrouble = async (): Promise<string | undefined> => {
  const { getContainerRuntimeClient } = await import("testcontainers")
  try {
    await getContainerRuntimeClient()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Starts a service of docker-compose.yml in a container, whose `inside` port is a port of this machine from then on. */
export const contained = async (service: string, inside: number, contents: Contents): Promise<Contained> => {
  const { GenericContainer, getContainerRuntimeClient, Wait } = await import("testcontainers")
  // A port that the engine chose would be another after a restart.
  const port = await freePort()
  /** Of the loopback address only: whoever else is in this network needs no password for a server of tests. */
  class OnLoopback extends GenericContainer {
    protected override beforeContainerCreated(): Promise<void> {
      this.hostConfig.PortBindings = { [`${inside}/tcp`]: [{ HostIp: "127.0.0.1", HostPort: `${port}` }] }
      return Promise.resolve()
    }
  }
  const started = await new OnLoopback(imageOf(composition(), service))
    .withExposedPorts({ container: inside, host: port })
    .withEnvironment({ ...contents.environment })
    .withCommand([...contents.command])
    .withLabels({ "holdfast-test": service })
    .withStartupTimeout(commandMillis)
    // It is we who know when the server answers, and where: "localhost" may be an address that no port is published on.
    .withWaitStrategy(Wait.forSuccessfulCommand("true"))
    .start()
  const { container } = await getContainerRuntimeClient()
  const handle = container.getById(started.getId())
  const untilReady = async () => {
    let ended: string | undefined
    // Nothing tells when a container has ended but to wait for it.
    handle.wait().then(
      ({ StatusCode }) => {
        ended = `exit code ${StatusCode}`
      },
      () => {},
    )
    await contents.untilReady(port, () => ended)
  }
  try {
    await untilReady()
  } catch (cause) {
    await started.stop()
    throw new Error(`${service} did not start in its container.`, { cause })
  }
  return {
    port,
    kill: async () => {
      const ended = handle.wait()
      await handle.kill()
      await ended
    },
    restart: async () => {
      await started.restart()
      await untilReady()
    },
    stop: async () => {
      await started.stop()
    },
  }
}

/** The image that a composition names for a service. */
export const imageOf = (text: string, service: string): string => {
  const [, image] = new RegExp(`^ {2}${service}:\\n {4}image: (\\S+)$`, "m").exec(text) ?? []
  if (image === undefined) throw new Error(`docker-compose.yml names no image for ${service}.`)
  return image
}

const composition = (): string => readFileSync(new URL("../../../../docker-compose.yml", import.meta.url), "utf8")
