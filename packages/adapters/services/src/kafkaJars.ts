/**
 * The programs of a Kafka broker, out of its Maven artifacts: 46 jars, 43 MB, kept in the user's cache folder for the next
 * run. Two runs that need them at once fetch them twice, and one keeps its own.
 */
import { execFile, execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

/** The version of the broker that tests run. */
const version = "4.1.1"

/** How long Maven may take, in milliseconds. It took 4 s from an empty repository. */
const fetchMillis = 300_000

/** Why no broker can be run out of jars; undefined where one can. */
export const jarsTrouble = (): string | undefined => {
  const missing = [
    ...(runs("java", "-version") ? [] : ["Java 17 or later"]),
    ...(existsSync(jarsFolder()) || runs("mvn", "--version") ? [] : ["Maven"]),
  ]
  return missing.length === 0 ? undefined : `install ${missing.join(" and ")}`
}

/** The folder of the jars. Fetches them where they are not there yet. */
export const kafkaJars = async (): Promise<string> => {
  const folder = jarsFolder()
  if (existsSync(folder)) return folder
  await mkdir(cacheFolder(), { recursive: true })
  // Beside it, so that a rename puts all of it there at once.
  const fetched = await mkdtemp(`${folder}-`)
  try {
    await writeFile(join(fetched, "pom.xml"), pom)
    const plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
    const args = ["-q", "-B", plugin, "-DincludeScope=runtime", "-DoutputDirectory=jars"]
    await promisify(execFile)("mvn", args, { cwd: fetched, timeout: fetchMillis })
    await rename(join(fetched, "jars"), folder).catch((error) => {
      if (!existsSync(folder)) throw error
    })
    return folder
  } catch (cause) {
    throw new Error(`Maven did not fetch Kafka ${version}.`, { cause })
  } finally {
    await rm(fetched, { recursive: true, force: true })
  }
}

const cacheFolder = (): string => join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "holdfast")

const jarsFolder = (): string => join(cacheFolder(), `kafka-${version}`)

const runs = (command: string, question: string): boolean => {
  try {
    execFileSync(command, [question], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

// Kafka brings no binding for its log.
const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>holdfast.test</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.24.3</version></dependency>
  </dependencies>
</project>
`
