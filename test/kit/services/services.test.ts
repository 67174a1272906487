import mariadb from 'mariadb';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { startApache } from './apache.ts';
import { debianFile } from './child.ts';
import { launchBrowser } from './chromium.ts';
import { startMariadb } from './mariadb.ts';
import { startNginx } from './nginx.ts';
import { startPostgres } from './postgres.ts';

describe('the servers a suite brings along', () => {
  it('starts a durable PostgreSQL', async () => {
    const server = await startPostgres();
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const { rows } = await client.query('SHOW synchronous_commit');
    expect(rows).toEqual([{ synchronous_commit: 'on' }]);
    await client.end();
    await server.stop();
  });

  it('starts a durable MariaDB', async () => {
    const server = await startMariadb();
    const connection = await mariadb.createConnection(
      (await server.createDatabase('another')).replace('mysql:', 'mariadb:'),
    );
    const rows: unknown = await connection.query(
      'SELECT @@innodb_flush_log_at_trx_commit AS flush, DATABASE() AS name',
    );
    expect(rows).toEqual([{ flush: 1n, name: 'another' }]);
    await connection.end();
    await server.stop();
  });

  it('starts an Apache whose protected page asks the provider and whose public page does not, seen in Chromium', async () => {
    const apache = await startApache({ issuer: 'http://127.0.0.1:9', clientId: 'apache', clientSecret: 'unused' });
    const browser = await launchBrowser();
    const page = await browser.newPage();
    await page.goto(apache.publicUrl);
    expect(await page.textContent('#who')).toBe('signed out');
    const answer = await page.goto(apache.protectedUrl);
    expect(answer?.status()).toBe(500);
    expect(apache.errorLog()).toContain('127.0.0.1:9');
    await browser.close();
    await apache.stop();
  });

  it('starts an nginx with the given servers', async () => {
    const nginx = await startNginx({ http: (port) => `server { listen 127.0.0.1:${port}; return 200 "here"; }` });
    const answer = await fetch(`http://127.0.0.1:${nginx.port}/`);
    expect(await answer.text()).toBe('here');
    await nginx.stop();
  });

  it('names the package that is missing', () => {
    expect(() => debianFile(['/nowhere/mariadbd'], 'mariadb-server')).toThrow(
      'missing: apt-get install mariadb-server',
    );
  });
});
