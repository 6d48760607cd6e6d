/**
 * NestJS: mounted on the application before its own routes, and stopped with it.
 *
 * Decorators are written as the calls that they are, because Node runs these files as they stand.
 */
import "reflect-metadata"
import type { ShopHandler } from "@holdfast/http"
import { toNodeHandler } from "@holdfast/http/node"
import { Controller, Get, type INestApplication, Module } from "@nestjs/common"
import { NestFactory } from "@nestjs/core"

class HomeController {
  home(): string {
    return "the host's own page"
  }
}
Controller()(HomeController)
Get()(HomeController.prototype, "home", Object.getOwnPropertyDescriptor(HomeController.prototype, "home") ?? {})

class AppModule {}
Module({ controllers: [HomeController] })(AppModule)

export const nestApp = async (handler: ShopHandler): Promise<INestApplication> => {
  const app = await NestFactory.create(AppModule, { logger: false })
  app.use(handler.basePath, toNodeHandler(handler))
  return app
}
