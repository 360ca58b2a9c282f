// ioredis listens to the first error of a stream only. One with TLS may have a second, the server's reason to hang up
// after the write that met it; unheard, that would end the process. Importing this file makes them heard.
import { createRequire } from 'node:module';
import { SentinelConnector } from 'ioredis';

type Standalone = typeof import('ioredis/built/connectors/StandaloneConnector.js');

const { default: StandaloneConnector } = createRequire(import.meta.url)(
  'ioredis/built/connectors/StandaloneConnector.js',
) as Standalone;

for (const { prototype } of [StandaloneConnector, SentinelConnector]) {
  const { connect } = prototype;
  prototype.connect = async function (this: never, onError) {
    const stream = await connect.call(this, onError);
    return stream.on('error', () => {});
  };
}
