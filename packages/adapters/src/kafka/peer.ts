/** Loads an optional peer, or says what to install where it is not there. */
export const peer = <Module>(name: string, load: () => Promise<Module>): Promise<Module> =>
  load().catch((cause: unknown) => {
    const isMissing =
      typeof cause === "object" && cause !== null && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND"
    throw isMissing ? new Error(`Kafka over ${name} needs that package: npm install ${name}.`, { cause }) : cause
  })
