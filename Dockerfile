# Builds Fanfare and keeps what runs: Node, the compiled server and its dependencies.
FROM node:24-slim AS build
WORKDIR /fanfare
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json ./
RUN npm ci
COPY src src
RUN npm run build && npm prune --omit=dev

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /fanfare
COPY --from=build /fanfare/package.json ./
COPY --from=build /fanfare/node_modules node_modules
COPY --from=build /fanfare/dist dist
COPY LICENSE ./
USER node
EXPOSE 8080
# Exec form, Fanfare's own command: no shell and no curl are needed.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["node", "--", "dist/main.js", "health"]
ENTRYPOINT ["node", "--", "dist/main.js"]
CMD ["start"]
