/**
 * Prisma's own client, with one model, without its generator: what `prisma generate` writes around a schema, kept here, since
 * its command asks the network for an engine that a client with a driver adapter never uses.
 *
 * Made by Prisma 7.10.0 of the schema below. The client, its query compiler and the adapter are the real ones.
 */
import { PrismaPg } from "@prisma/adapter-pg"
import { type GetPrismaClientConfig, getPrismaClient } from "@prisma/client/runtime/client"

/** The query compiler, which the client ships without types. */
const compiler = (part: string) => import(`@prisma/client/runtime/query_compiler_fast_bg.postgresql.${part}`)

const schema = `generator client {
  provider   = "prisma-client"
  output     = "../generated"
  engineType = "client"
}

datasource db {
  provider = "postgresql"
}

model Shipment {
  orderId String @id @map("order_id")
  carrier String

  @@map("shipment")
}
`

const config = {
  previewFeatures: [],
  clientVersion: "7.10.0",
  engineVersion: "d1b3f377ca835d73fd50954a5e22128b9ebdd6b8",
  activeProvider: "postgresql",
  inlineSchema: schema,
  runtimeDataModel: {
    models: {
      Shipment: {
        fields: [
          {
            name: "orderId",
            kind: "scalar",
            type: "String",
            dbName: "order_id",
          },
          {
            name: "carrier",
            kind: "scalar",
            type: "String",
          },
        ],
        dbName: "shipment",
        schema: null,
      },
    },
    enums: {},
    types: {},
  },
  parameterizationSchema: {
    strings: [
      "where",
      "Shipment.findUnique",
      "Shipment.findUniqueOrThrow",
      "orderBy",
      "cursor",
      "Shipment.findFirst",
      "Shipment.findFirstOrThrow",
      "Shipment.findMany",
      "data",
      "Shipment.createOne",
      "Shipment.createMany",
      "Shipment.createManyAndReturn",
      "Shipment.updateOne",
      "Shipment.updateMany",
      "Shipment.updateManyAndReturn",
      "create",
      "update",
      "Shipment.upsertOne",
      "Shipment.deleteOne",
      "Shipment.deleteMany",
      "having",
      "_count",
      "_min",
      "_max",
      "Shipment.groupBy",
      "Shipment.aggregate",
      "AND",
      "OR",
      "NOT",
      "orderId",
      "carrier",
      "equals",
      "in",
      "notIn",
      "lt",
      "lte",
      "gt",
      "gte",
      "contains",
      "startsWith",
      "endsWith",
      "not",
      "set",
    ],
    graph:
      "JAkQBRoAAB8AMBsAAAQAEBwAAB8AMB0BAAAAAR4BACAAIQEAAAABACABAAAAAQAgBRoAAB8AMBsAAAQAEBwAAB8AMB0BACAAIR4BACAAIQADAAAABAAgAwAABQAwBAAAAQAgAwAAAAQAIAMAAAUAMAQAAAEAIAMAAAAEACADAAAFADAEAAABACACHQEAAAABHgEAAAABAQgAAAkAIAIdAQAAAAEeAQAAAAEBCAAACwAwAQgAAAsAMAIdAQAkACEeAQAkACECAAAAAQAgCAAADgAgAh0BACQAIR4BACQAIQIAAAAEACAIAAAQACACAAAABAAgCAAAEAAgAwAAAAEAIA8AAAkAIBAAAA4AIAEAAAABACABAAAABAAgAxUAACEAIBYAACMAIBcAACIAIAUaAAAaADAbAAAXABAcAAAaADAdAQAbACEeAQAbACEDAAAABAAgAwAAFgAwFAAAFwAgAwAAAAQAIAMAAAUAMAQAAAEAIAUaAAAaADAbAAAXABAcAAAaADAdAQAbACEeAQAbACEOFQAAHQAgFgAAHgAgFwAAHgAgHwEAAAABIAEAAAAEIQEAAAAEIgEAAAABIwEAAAABJAEAAAABJQEAAAABJgEAAAABJwEAAAABKAEAAAABKQEAHAAhDhUAAB0AIBYAAB4AIBcAAB4AIB8BAAAAASABAAAABCEBAAAABCIBAAAAASMBAAAAASQBAAAAASUBAAAAASYBAAAAAScBAAAAASgBAAAAASkBABwAIQgfAgAAAAEgAgAAAAQhAgAAAAQiAgAAAAEjAgAAAAEkAgAAAAElAgAAAAEpAgAdACELHwEAAAABIAEAAAAEIQEAAAAEIgEAAAABIwEAAAABJAEAAAABJQEAAAABJgEAAAABJwEAAAABKAEAAAABKQEAHgAhBRoAAB8AMBsAAAQAEBwAAB8AMB0BACAAIR4BACAAIQsfAQAAAAEgAQAAAAQhAQAAAAQiAQAAAAEjAQAAAAEkAQAAAAElAQAAAAEmAQAAAAEnAQAAAAEoAQAAAAEpAQAeACEAAAABKgEAAAABAAAAAAMVAAYWAAcXAAgAAAADFQAGFgAHFwAIAQIBAgMBBQYBBgcBBwgBCQoBCgwCCw0DDA8BDRECDhIEERMBEhQBExUCGBgFGRkJ",
  },
  compilerWasm: {
    getRuntime: () => compiler("mjs"),
    getQueryCompilerWasmModule: async () => {
      const { wasm } = await compiler("wasm-base64.mjs")
      const { Module } = Reflect.get(globalThis, "WebAssembly")
      return new Module(Buffer.from(wasm, "base64"))
    },
    importName: "./query_compiler_fast_bg.js",
  },
}

/** What the tests use of it, as Prisma's generator would type it. */
interface PrismaTransaction {
  readonly $executeRawUnsafe: (sql: string) => Promise<number>
  readonly $queryRawUnsafe: (sql: string, ...params: ReadonlyArray<unknown>) => Promise<unknown>
  readonly shipment: {
    readonly create: (input: {
      readonly data: { readonly orderId: string; readonly carrier: string }
    }) => Promise<unknown>
    readonly count: () => Promise<number>
  }
}

export interface PrismaClient extends PrismaTransaction {
  readonly $transaction: <A>(
    use: (tx: PrismaTransaction) => Promise<A>,
    options?: { readonly timeout?: number },
  ) => Promise<A>
  readonly $disconnect: () => Promise<void>
}

const Client = getPrismaClient(config as unknown as GetPrismaClientConfig) as unknown as new (options: {
  readonly adapter: PrismaPg
}) => PrismaClient

/** Prisma on a server. `schema` is where its model's table stands. */
export const prismaOn = (url: string, schema = "public"): PrismaClient =>
  new Client({ adapter: new PrismaPg({ connectionString: url, max: 4 }, { schema }) })
